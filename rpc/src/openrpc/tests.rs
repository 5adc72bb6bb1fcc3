//! What the document says of the types.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::types::METHODS;
use std::collections::BTreeSet;

fn rules() -> Rules {
    Rules {
        transactions: vec![ErrorKind::transaction("nonce_used", "used", "sign again")],
        blocks: vec![ErrorKind::block("target", "wrong", "take the template's")],
    }
}

fn of<'d>(document: &'d Document, name: &str) -> &'d MethodObject {
    let found = document.methods.iter().find(|method| method.name == name);
    found.unwrap_or_else(|| panic!("{name} is not listed"))
}

/// Everything that a `$ref` in the document names.
fn references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(to)) = map.get("$ref") {
                into.insert(to.clone());
            }
            map.values().for_each(|value| references(value, into));
        }
        Value::Array(all) => all.iter().for_each(|value| references(value, into)),
        _ => {}
    }
}

#[test]
fn each_listener_lists_its_methods_once_and_the_public_one_nothing_private() {
    let names = |access| {
        let document = document(access, "1", &rules());
        let names = document.methods.into_iter().map(|method| method.name);
        names.collect::<Vec<_>>()
    };
    let (private, public) = (names(Access::Private), names(Access::Public));
    assert_eq!(private.len(), METHODS.len());
    assert_eq!(private.iter().collect::<BTreeSet<_>>().len(), private.len());
    let hidden: Vec<_> = private
        .iter()
        .filter(|name| !public.contains(name))
        .collect();
    assert_eq!(
        hidden,
        [
            "snapshot_write",
            "snapshot_status",
            "mining_template",
            "mining_submit"
        ]
    );
}

#[test]
fn parameters_are_required_as_the_server_requires_them_and_never_null() {
    let document = document(Access::Private, "1", &rules());
    let required = |name: &str| {
        let params = &of(&document, name).params;
        let one = |p: &ContentDescriptor| (p.name.clone(), p.required);
        params.iter().map(one).collect::<BTreeMap<_, _>>()
    };
    let pairs = |all: &[(&str, bool)]| {
        all.iter()
            .map(|(name, needed)| ((*name).to_owned(), *needed))
            .collect()
    };
    assert_eq!(required("chain_head"), BTreeMap::new());
    assert_eq!(
        required("chain_headers"),
        pairs(&[("from", true), ("count", true)])
    );
    assert_eq!(
        required("name_resolve"),
        pairs(&[("name", true), ("type", false), ("proof", false)])
    );
    assert_eq!(
        required("name_list"),
        pairs(&[("after", false), ("limit", false), ("owner", false)])
    );
    for method in &document.methods {
        for param in &method.params {
            let text = serde_json::to_string(&param.schema).unwrap();
            assert!(
                !text.contains("null"),
                "{} {}: {text}",
                method.name,
                param.name
            );
            assert!(
                !param.description.is_empty(),
                "{} {}",
                method.name,
                param.name
            );
        }
        assert!(
            !method.summary.is_empty() && method.summary.ends_with('.'),
            "{}",
            method.name
        );
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_referred_to() {
    let document = document(Access::Private, "1", &rules());
    let value = serde_json::to_value(&document).unwrap();
    let mut named = BTreeSet::new();
    references(&value, &mut named);
    for to in &named {
        let pointer = to.strip_prefix('#').unwrap();
        assert!(value.pointer(pointer).is_some(), "{to}");
    }
    for part in ["schemas", "errors"] {
        for name in value["components"][part].as_object().unwrap().keys() {
            assert!(
                named.contains(&format!("#/components/{part}/{name}")),
                "{part} {name}"
            );
        }
    }
}

#[test]
fn a_method_lists_the_errors_that_it_raises_and_the_common_ones() {
    let document = document(Access::Private, "1", &rules());
    let has = |name: &str, code: &str| {
        let errors = &of(&document, name).errors;
        errors
            .iter()
            .any(|error| error.to == format!("#/components/errors/{code}"))
    };
    assert!(has("chain_head", "parse_error") && !has("chain_head", "nonce_used"));
    assert!(has("tx_submit", "nonce_used") && has("tx_submit", "syncing"));
    assert!(has("mining_submit", "block.nonce_used") && has("mining_submit", "target"));
    let errors = &document.components.errors;
    assert_eq!(errors["nonce_used"].code, errors::TRANSACTION_REFUSED);
    assert_eq!(errors["block.nonce_used"].code, errors::BLOCK_REFUSED);
    assert_eq!(errors["block.nonce_used"].data.code, "nonce_used");
}

#[test]
fn the_document_can_be_read_back_by_a_client() {
    let document = document(Access::Public, "1", &rules());
    let text = serde_json::to_string(&document).unwrap();
    let again: Document = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
    assert!(text.len() < 256 * 1024, "{} bytes", text.len());
    assert_eq!(document.http_errors.len(), 15);
}
