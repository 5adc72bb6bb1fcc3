#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;

fn hex_of(line: &str) -> String {
    let entry = parse_record(line).unwrap_or_else(|e| panic!("{line}: {e}"));
    hex::encode(entry.rdata)
}

#[test]
fn owner_and_ttl_are_read_or_filled_in() {
    let read = |line: &str| {
        let entry = parse_record(line).unwrap();
        (entry.owner, entry.ttl, entry.rtype)
    };
    assert_eq!(read("www 60 A 192.0.2.1"), (b"\x03www\0".to_vec(), 60, 1));
    assert_eq!(read("  @\tA   192.0.2.1 "), (vec![0], DEFAULT_TTL, 1));
    assert_eq!(read("@ 7 IN A 192.0.2.1"), (vec![0], 7, 1));
    assert_eq!(read("A 192.0.2.1"), (vec![0], DEFAULT_TTL, 1));
    assert_eq!(read("MX 10 mail.example."), (vec![0], DEFAULT_TTL, 15));
    // An owner that looks like a type, a type that looks like an owner.
    assert_eq!(
        read("MX A 192.0.2.1"),
        (b"\x02mx\0".to_vec(), DEFAULT_TTL, 1)
    );
    assert_eq!(read("_443._TCP.WWW TXT x").0, b"\x04_443\x04_tcp\x03www\0");
    assert_eq!(
        read("*.a\\.b 0 type16 \\# 1 00"),
        (b"\x01*\x03a.b\0".to_vec(), 0, 16)
    );
}

#[test]
fn every_type_has_its_published_wire_form() {
    for (line, hex) in [
        ("@ A 192.0.2.1", "c0000201"),
        ("@ AAAA 2001:db8::1", "20010db8000000000000000000000001"),
        ("@ CNAME a.example.", "0161076578616d706c6500"),
        ("@ NS .", "00"),
        (
            "@ DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
            "ec4505012bb183af5f22588179a53b0a98631fad1a292118",
        ),
        ("@ TXT \"a b\" c", "036120620163"),
        ("@ TXT \"v=DKIM1; k=rsa\"", "0e763d444b494d313b206b3d727361"),
        ("@ TXT \\255\\\"", "02ff22"),
        ("@ MX 10 m.", "000a016d00"),
        ("_sip._udp SRV 1 2 5060 s.", "0001000213c4017300"),
        ("_443._tcp TLSA 3 1 1 00ff", "03010100ff"),
        (
            "@ CAA 0 issue \"ca.example\"",
            "000569737375656361 2e6578616d706c65",
        ),
        ("@ SSHFP 4 2 abcd", "0402abcd"),
        // RFC 9460, appendix D.2: figures 3 and 7 in shortened form.
        ("@ HTTPS 1 .", "000100"),
        (
            "@ SVCB 0 foo.example.com.",
            "000003666f6f076578616d706c6503636f6d00",
        ),
        (
            "@ SVCB 16 foo.example.com. port=53",
            "001003666f6f076578616d706c6503636f6d00000300020035",
        ),
        (
            "@ HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1",
            "000100000100030268320004 0004c0000201",
        ),
        (
            "@ SERVICEKEY 0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef",
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ),
        ("@ RELAY", ""),
        ("@ TYPE65283 \\# 0", ""),
        ("@ TYPE54321 \\# 3 ab cd ef", "abcdef"),
        ("@ A \\# 4 c0000201", "c0000201"),
    ] {
        assert_eq!(hex_of(line), hex.replace(' ', ""), "{line}");
    }
}

#[test]
fn lines_written_read_back() {
    for line in [
        "@ 300 A 192.0.2.1",
        "www 60 AAAA 2001:db8::1",
        "_443._tcp 300 TLSA 3 1 1 00FF",
        "@ 300 MX 10 mail.example.",
        "@ 300 CAA 0 issue \"ca.example\"",
        "@ 300 TXT \"a b\" \"\\255\\027\"",
        "*.a\\046b 0 RELAY",
        "@ 300 TYPE54321 \\# 3 abcdef",
        "@ 300 SVCB 1 . alpn=h2 port=53",
    ] {
        let entry = parse_record(line).unwrap();
        assert_eq!(
            parse_record(&to_line(&entry)),
            Ok(entry.clone()),
            "{}",
            to_line(&entry)
        );
        assert_eq!(to_text(&entry).ttl, entry.ttl);
    }
    assert_eq!(
        to_line(&parse_record("WWW A 192.0.2.1").unwrap()),
        "www 300 A 192.0.2.1"
    );
}

#[test]
fn lines_that_are_no_record_say_why() {
    let long = format!("@ TXT {}", "x".repeat(MAX_LINE));
    type Is = fn(&BadRecord) -> bool;
    let cases: Vec<(&str, Is)> = vec![
        (&long, |e| *e == BadRecord::TooLong),
        ("@ TXT \u{1b}[31m", |e| *e == BadRecord::NotPrintable),
        ("@ TXT \u{202e}", |e| *e == BadRecord::NotPrintable),
        ("@ A 192.0.2.1\nwww A 192.0.2.1", |e| {
            *e == BadRecord::NotPrintable
        }),
        ("", |e| *e == BadRecord::Incomplete),
        ("@", |e| *e == BadRecord::Incomplete),
        ("@ 300", |e| *e == BadRecord::Incomplete),
        ("www. A 192.0.2.1", |e| matches!(e, BadRecord::Owner(_))),
        ("a..b A 192.0.2.1", |e| matches!(e, BadRecord::Owner(_))),
        ("@ 2147483648 A 192.0.2.1", |e| {
            matches!(e, BadRecord::Ttl(_))
        }),
        ("@ 99999999999999999999 A 192.0.2.1", |e| {
            matches!(e, BadRecord::Ttl(_))
        }),
        ("@ FOO x", |e| matches!(e, BadRecord::Type(_))),
        ("192.0.2.1", |e| *e == BadRecord::Incomplete),
        ("@ TYPE6 \\# 0", |e| matches!(e, BadRecord::NotData(_))),
        ("@ TYPE0 \\# 0", |e| matches!(e, BadRecord::NotData(_))),
        ("@ TYPE255 \\# 0", |e| matches!(e, BadRecord::NotData(_))),
        ("@ TYPE41 \\# 0", |e| matches!(e, BadRecord::NotData(_))),
        ("@ TXT v=DKIM1; k=rsa", |e| {
            *e == BadRecord::Tokens(NotTokens::Comment)
        }),
        ("@ A 192.0.2", |e| matches!(e, BadRecord::Data { .. })),
        ("@ A 192.0.2.1 192.0.2.2", |e| {
            matches!(e, BadRecord::Data { .. })
        }),
        ("@ AAAA 192.0.2.1", |e| matches!(e, BadRecord::Data { .. })),
        ("@ CNAME relative", |e| matches!(e, BadRecord::Data { .. })),
        ("@ CNAME @", |e| matches!(e, BadRecord::Data { .. })),
        ("@ MX mail.example.", |e| {
            matches!(e, BadRecord::Data { .. })
        }),
        ("@ TXT", |e| matches!(e, BadRecord::Data { .. })),
        ("@ TXT \"open", |e| {
            *e == BadRecord::Tokens(NotTokens::Quote)
        }),
        ("@ TXT \\", |e| *e == BadRecord::Tokens(NotTokens::Escape)),
        ("@ TXT \\256", |e| {
            *e == BadRecord::Tokens(NotTokens::Escape)
        }),
        ("@ HTTPS 1 . port=1 port=2", |e| {
            matches!(e, BadRecord::Data { .. })
        }),
        ("@ HTTPS 1 . mandatory=port", |e| {
            matches!(e, BadRecord::Data { .. })
        }),
        ("@ HTTPS 1 . ipv4hint=", |e| {
            matches!(e, BadRecord::Data { .. })
        }),
        ("@ PTR \\# 2 0000", |e| matches!(e, BadRecord::Data { .. })),
        ("@ NAPTR 1 1 a b c .", |e| matches!(e, BadRecord::Type(_))),
        ("@ TYPE35 1", |e| matches!(e, BadRecord::Data { .. })),
        ("@ SERVICEKEY 00", |e| matches!(e, BadRecord::Data { .. })),
        ("@ RELAY 00", |e| matches!(e, BadRecord::Data { .. })),
        ("@ TYPE1 \\# 3 c00002", |e| {
            matches!(e, BadRecord::Data { .. })
        }),
        ("@ TYPE54321 \\# 4 abcdef", |e| {
            matches!(e, BadRecord::Data { .. })
        }),
    ];
    for (line, is) in cases {
        let error = parse_record(line).expect_err(line);
        assert!(is(&error), "{line}: {error:?}");
    }
}

#[test]
fn data_that_does_not_fit_its_type_is_seen_and_shown_in_hex() {
    for (rtype, rdata) in [
        (1, &b"abc"[..]),
        (1, b"abcde"),
        (28, &[0; 15]),
        (5, b"\x01a"),
        (5, b"\x01a\0\0"),
        // A compression pointer to itself, one backwards.
        (5, b"\xc0\x00"),
        (15, b"\0\x0a\x01a\xc0\x02"),
        (16, b""),
        (16, b"\x05abc"),
        (33, b"\0\x01\0\x01\0\x01"),
        (43, &[0, 1, 8, 2]),
        (52, &[3, 1, 1]),
        (257, b"\0\0"),
        (65, b"\0\x01\0\0\x04\0\x03\x01\x02\x03"),
        (65, b"\0\x01\0\0\x03\0\x02\0\x35\0\x03\0\x02\0\x35"),
        // `mandatory` names a key that is not there.
        (65, b"\0\x01\0\0\0\0\x02\0\x03"),
        (types::SERVICE_KEY, &[1; 31]),
        (types::RELAY, &[1]),
        (0, b""),
        (6, b""),
        (41, b""),
        (252, b""),
    ] {
        assert!(!rdata_is_well_formed(rtype, rdata), "{rtype} {rdata:?}");
        let shown = to_text(&Entry {
            owner: vec![0],
            rtype,
            ttl: 1,
            rdata: rdata.to_vec(),
        });
        assert!(shown.data.starts_with("\\# "), "{rtype}: {}", shown.data);
    }
    assert!(rdata_is_well_formed(65280, b"anything"));
}

#[test]
fn no_data_puts_control_characters_into_text() {
    for byte in 0..=255u8 {
        for (rtype, rdata) in [
            (16, vec![1, byte]),
            (5, vec![1, byte, 0]),
            (257, vec![0, 1, b'i', byte]),
            (15, vec![0, byte, 2, byte, b'x', 0]),
            (64, vec![0, 1, 0, 0, 1, 0, 2, 1, byte]),
            (64, vec![0, 1, 0, 255, 0, 0, 2, byte, byte]),
            (54321, vec![byte]),
        ] {
            let entry = Entry {
                owner: vec![1, byte.to_ascii_lowercase(), 0],
                rtype,
                ttl: 1,
                rdata,
            };
            let line = to_line(&entry);
            assert!(line.bytes().all(|b| matches!(b, b' '..=b'~')), "{line:?}");
            assert_eq!(parse_record(&line).unwrap().owner, entry.owner, "{line}");
        }
    }
}
