//! The endpoint file `rpc.json`: how a program on the same computer finds a running node and proves that it may talk to it.
//!
//! The node writes `{"url": …, "cookie": …}` with [`write_endpoint_file`]; command-line tools read it with
//! [`read_endpoint_file`]. Whoever can read the file can use the RPC, so the file is readable by its owner only, and
//! neither side follows a symbolic link that somebody else may have put in its place.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Cookie;

/// Reading and writing for the owner, nothing for anybody else.
const OWNER_ONLY: u32 = 0o600;

/// The permission bits of group and others, all of which must be off.
const OTHERS: u32 = 0o077;

/// Most bytes that are read from an endpoint file. A real one has about 120; the bound keeps a file put there by mistake
/// from being read whole.
const MAX_FILE_BYTES: u64 = 4096;

/// Where a running node listens, and the secret it asks for.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The address to send calls to, such as `http://127.0.0.1:9451/`.
    pub url: String,
    /// What to send in the `Authorization` header.
    pub cookie: Cookie,
}

/// Why the endpoint file does not tell how to reach a node.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// There is no such file: no node runs with this data directory.
    #[error(
        "no node is running here: {path} does not exist; start one with `sapwood dev` or `sapwood node`, or name its data directory"
    )]
    Missing {
        /// The file that was looked for.
        path: PathBuf,
    },
    /// The file is a link, a directory or readable by others, so its secret is not believed.
    #[error(
        "{path} is not trusted: {reason}; remove it and restart the node with `sapwood dev` or `sapwood node`"
    )]
    Untrusted {
        /// The file that was looked at.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The file is not what a node writes.
    #[error(
        "{path} is not a node's endpoint file: {reason}; restart the node with `sapwood dev` or `sapwood node`, which writes it anew"
    )]
    Malformed {
        /// The file that was read.
        path: PathBuf,
        /// What is wrong with its content.
        reason: String,
    },
    /// The operating system refused to read it.
    #[error(
        "cannot read {path}: {source}; run as the user who started the node with `sapwood dev` or `sapwood node`"
    )]
    Unreadable {
        /// The file that was tried.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
}

/// The file's content, one JSON object.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    url: String,
    cookie: Zeroizing<String>,
}

/// Writes the endpoint file, so that at any moment `path` is either the old file or the whole new one.
///
/// The content goes to `<path>.new`, which is created exclusively with mode 0600, reaches the disk and is then renamed.
/// A `<path>.new` left by a crash is replaced.
///
/// # Errors
///
/// Any error of the file system, and [`io::ErrorKind::InvalidInput`] when `path` is there and is not a regular file: a
/// symbolic link, pipe or directory in this place was not put there by a node.
pub fn write_endpoint_file(path: &Path, url: &str, cookie: &Cookie) -> io::Result<()> {
    refuse_other_kinds(path)?;
    let content = Content {
        url: url.to_owned(),
        cookie: cookie.reveal(),
    };
    let text = Zeroizing::new(serde_json::to_string(&content)?);
    let temporary = temporary_path(path);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = create_exclusively(&temporary)?;
    // The creation mode passes through the umask, which may have removed even the owner's bits.
    file.set_permissions(Permissions::from_mode(OWNER_ONLY))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

/// Reads the endpoint file that a running node has written.
///
/// # Errors
///
/// See [`EndpointError`]; each message names the file and says what to do.
pub fn read_endpoint_file(path: &Path) -> Result<Endpoint, EndpointError> {
    let file = open_without_following(path)?;
    let unreadable = |source| EndpointError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let metadata = file.metadata().map_err(unreadable)?;
    let untrusted = |reason| EndpointError::Untrusted {
        path: path.to_owned(),
        reason,
    };
    if !metadata.is_file() {
        return Err(untrusted("it is not a regular file"));
    }
    if metadata.permissions().mode() & OTHERS != 0 {
        return Err(untrusted("other users may read or change it"));
    }
    let mut text = Zeroizing::new(Vec::new());
    file.take(MAX_FILE_BYTES)
        .read_to_end(&mut text)
        .map_err(unreadable)?;
    parse(&text).map_err(|reason| EndpointError::Malformed {
        path: path.to_owned(),
        reason,
    })
}

fn parse(text: &[u8]) -> Result<Endpoint, String> {
    let content: Content = serde_json::from_slice(text).map_err(|error| {
        // The error's own text may quote the content, which holds the secret.
        format!(
            "its JSON is wrong at line {}, column {}",
            error.line(),
            error.column()
        )
    })?;
    let cookie = Cookie::from_hex(&content.cookie).ok_or("its cookie is not 64 hex digits")?;
    Ok(Endpoint {
        url: content.url,
        cookie,
    })
}

fn open_without_following(path: &Path) -> Result<File, EndpointError> {
    // Without NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    opened.map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => EndpointError::Missing {
            path: path.to_owned(),
        },
        _ if source.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            EndpointError::Untrusted {
                path: path.to_owned(),
                reason: "it is a symbolic link",
            }
        }
        _ => EndpointError::Unreadable {
            path: path.to_owned(),
            source,
        },
    })
}

fn create_exclusively(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(OWNER_ONLY)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

fn refuse_other_kinds(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "{} is a link or not a regular file; remove it and start again",
                path.display()
            ),
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn temporary_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".new");
    PathBuf::from(name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const URL: &str = "http://127.0.0.1:9451/";

    fn written() -> (tempfile::TempDir, PathBuf, Cookie) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rpc.json");
        let cookie = Cookie::generate().unwrap();
        write_endpoint_file(&path, URL, &cookie).unwrap();
        (directory, path, cookie)
    }

    #[test]
    fn what_is_written_is_read_back_and_only_the_owner_may_read_it() {
        let (directory, path, cookie) = written();
        let endpoint = read_endpoint_file(&path).unwrap();
        assert_eq!(endpoint.url, URL);
        assert_eq!(*endpoint.cookie.reveal(), *cookie.reveal());
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            OWNER_ONLY
        );
        assert_eq!(
            fs::read_dir(directory.path()).unwrap().count(),
            1,
            "no temporary file stays behind"
        );
    }

    #[test]
    fn a_second_write_replaces_the_first_and_the_remains_of_a_crash() {
        let (_directory, path, _) = written();
        fs::write(temporary_path(&path), "half").unwrap();
        let cookie = Cookie::generate().unwrap();
        write_endpoint_file(&path, URL, &cookie).unwrap();
        assert_eq!(
            *read_endpoint_file(&path).unwrap().cookie.reveal(),
            *cookie.reveal()
        );
    }

    #[test]
    fn a_symbolic_link_or_directory_in_its_place_is_neither_written_nor_read() {
        let directory = tempfile::tempdir().unwrap();
        let (victim, link) = (
            directory.path().join("victim"),
            directory.path().join("rpc.json"),
        );
        fs::write(&victim, "precious").unwrap();
        symlink(&victim, &link).unwrap();
        for place in [link.as_path(), directory.path()] {
            let cookie = Cookie::generate().unwrap();
            assert_eq!(
                write_endpoint_file(place, URL, &cookie).unwrap_err().kind(),
                io::ErrorKind::InvalidInput
            );
            assert!(matches!(
                read_endpoint_file(place),
                Err(EndpointError::Untrusted { .. })
            ));
        }
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    }

    #[test]
    fn a_pipe_in_its_place_is_refused_without_waiting_for_a_writer() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rpc.json");
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            &path,
            rustix::fs::Mode::from_raw_mode(OWNER_ONLY),
        )
        .unwrap();
        assert!(matches!(
            read_endpoint_file(&path),
            Err(EndpointError::Untrusted { .. })
        ));
    }

    #[test]
    fn a_file_that_others_may_read_is_not_trusted() {
        let (_directory, path, _) = written();
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(
                matches!(
                    read_endpoint_file(&path),
                    Err(EndpointError::Untrusted { .. })
                ),
                "mode {mode:o}"
            );
        }
    }

    #[test]
    fn a_missing_file_is_answered_with_the_path_and_the_commands_that_start_a_node() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rpc.json");
        let message = read_endpoint_file(&path).unwrap_err().to_string();
        for part in [path.to_str().unwrap(), "sapwood dev", "sapwood node"] {
            assert!(message.contains(part), "{message:?} lacks {part:?}");
        }
    }

    #[test]
    fn malformed_content_is_refused_without_quoting_the_secret() {
        let (_directory, path, cookie) = written();
        let good = fs::read_to_string(&path).unwrap();
        let secret = cookie.reveal();
        let wrong = [
            String::new(),
            good[..good.len() - 1].to_owned(),
            good.replace("cookie", "kookie"),
            good.replace(&*secret, &secret[..62]),
            format!("{good}{good}"),
            format!(r#"{{"url":1,"cookie":"{}"}}"#, *secret),
            " ".repeat(5000),
        ];
        for content in wrong {
            fs::write(&path, &content).unwrap();
            let error = read_endpoint_file(&path).unwrap_err();
            assert!(
                matches!(error, EndpointError::Malformed { .. }),
                "{content:?} gave {error:?}"
            );
            assert!(!error.to_string().contains(&secret[..16]));
        }
    }
}
