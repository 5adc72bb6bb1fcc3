//! The power goes at any step of any change: no file is ever half there, and what was acknowledged stays.
//!
//! `WALLET_CUTS=50000 cargo test --release -p sapwood-wallet cuts -- --nocapture` is the long form.

use std::collections::BTreeMap;

use super::super::changes::{Recording, note, record};
use super::super::{PendingRegistrations, Registration, Stage, read_beside, write_beside};
use super::*;

/// Power cuts of the short form.
const CUTS: usize = 2_000;

/// Cuts of one history, which is made anew after them.
const CUTS_A_HISTORY: usize = 100;

/// Numbers from a seed (splitmix64), so that a failure is repeated by its seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }
}

/// Everything that a wallet's files say.
#[derive(Clone, Debug, PartialEq)]
struct State {
    /// Passphrase and content; none before the wallet was made.
    wallet: Option<(String, WalletSecrets)>,
    journal: Vec<Registration>,
    notes: Option<Vec<u8>>,
}

/// Does a random history in `folder`; gives the state before the first and after each of its changes, whose beginning and end are noted.
fn history(folder: &Path, numbers: &mut Numbers) -> (Vec<State>, Recording) {
    let path = folder.join("wallets/main");
    let mut states = vec![State {
        wallet: None,
        journal: Vec::new(),
        notes: None,
    }];
    let ((), recording) = record(folder, None, || {
        let mut content = secrets();
        note("begin");
        let mut file = create(&path).unwrap();
        note("end");
        let mut state = states[0].clone();
        state.wallet = Some((PASSPHRASE.to_owned(), content.clone()));
        states.push(state.clone());
        let journal =
            PendingRegistrations::open(&folder.join("wallets/main.registrations.json")).unwrap();
        for number in 0..12 {
            let random = u8::try_from(numbers.below(256)).unwrap();
            note("begin");
            match numbers.below(5) {
                0 => {
                    let count = numbers.below(40);
                    for _ in 0..count {
                        let index = content.next_index();
                        content
                            .add_account(index, &format!("account {index}"))
                            .unwrap();
                    }
                    file.save(&content).unwrap();
                    state.wallet.as_mut().unwrap().1 = content.clone();
                }
                1 => {
                    let passphrase = format!("correct horse {number}");
                    file.change_passphrase(&content, &passphrase, PassphraseRule::Strong, CHEAP)
                        .unwrap();
                    state.wallet.as_mut().unwrap().0 = passphrase;
                }
                2 | 3 => {
                    let entry = Registration {
                        name: format!("name-{}", numbers.below(3)),
                        account_index: 0,
                        salt: [random; 32],
                        years: 1,
                        max_price: 1,
                        commit_txid: [1; 32],
                        commitment: [2; 32],
                        valid_until: 3,
                        stage: Stage::Committed,
                    };
                    let place = state
                        .journal
                        .iter()
                        .position(|other| other.name == entry.name);
                    match place {
                        Some(place) if random < 100 => {
                            journal.remove(&entry.name).unwrap();
                            state.journal.remove(place);
                        }
                        Some(place) => {
                            journal.put(entry.clone()).unwrap();
                            state.journal[place] = entry;
                        }
                        None => {
                            journal.put(entry.clone()).unwrap();
                            state.journal.push(entry);
                        }
                    }
                }
                _ => {
                    let notes = vec![random; numbers.below(3_000)];
                    write_beside(&folder.join("wallets/main.notes.json"), &notes).unwrap();
                    state.notes = Some(notes);
                }
            }
            note("end");
            states.push(state.clone());
        }
    });
    (states, recording)
}

/// What the files say, read by the code that reads them; passphrases are tried as a person would who knows both.
fn read(folder: &Path, passphrases: &[&str], again: bool) -> Result<State, String> {
    let path = folder.join("wallets/main");
    let mut wallet = None;
    if path.exists() {
        let opened = passphrases
            .iter()
            .find_map(|pass| Some(((*pass).to_owned(), WalletFile::open(&path, pass).ok()?)));
        let (passphrase, (file, secrets)) = opened.ok_or("the wallet does not open")?;
        if again {
            // It can be changed, whatever lies beside it.
            file.save(&secrets).map_err(|error| error.to_string())?;
        }
        wallet = Some((passphrase, secrets));
    }
    let journal = folder.join("wallets/main.registrations.json");
    let journal = match PendingRegistrations::open(&journal) {
        Ok(journal) => journal.list().map_err(|error| error.to_string())?,
        Err(_) if !folder.join("wallets").exists() => Vec::new(),
        Err(error) => return Err(error.to_string()),
    };
    let notes = match folder.join("wallets").exists() {
        true => read_beside(&folder.join("wallets/main.notes.json"), 1 << 20),
        false => Ok(None),
    };
    Ok(State {
        wallet,
        journal,
        notes: notes.map_err(|error| error.to_string())?,
    })
}

#[test]
fn power_cuts_leave_every_file_as_acknowledged_or_as_it_was_about_to_be() {
    let cuts = std::env::var("WALLET_CUTS").map_or(CUTS, |text| text.parse().unwrap());
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..cuts.div_ceil(CUTS_A_HISTORY) {
        let mut numbers = Numbers(seed as u64);
        let made = tempfile::tempdir().unwrap();
        let (states, recording) = history(made.path(), &mut numbers);
        let found = tempfile::tempdir().unwrap();
        for number in 0..CUTS_A_HISTORY {
            let cut = numbers.below(recording.len() + 1);
            let files = recording.after_power_cut(cut, |bound| numbers.below(bound));
            let root = found.path().join("disk");
            recording.put_on_disk(&files, &root);
            let done = recording.notes(cut).filter(|note| *note == "end").count();
            let begun = recording.notes(cut).filter(|note| *note == "begin").count();
            let (old, new) = (&states[done], &states[begun]);
            let passphrases: Vec<&str> = [old, new]
                .iter()
                .filter_map(|state| state.wallet.as_ref().map(|(pass, _)| &**pass))
                .collect();
            let what = format!("seed {seed}, cut {number} at step {cut}");
            let state = read(&root, &passphrases, number % 10 == 0)
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            for (part, is_old, is_new) in [
                (
                    "wallet",
                    state.wallet == old.wallet,
                    state.wallet == new.wallet,
                ),
                (
                    "journal",
                    state.journal == old.journal,
                    state.journal == new.journal,
                ),
                ("notes", state.notes == old.notes, state.notes == new.notes),
            ] {
                assert!(is_old || is_new, "{what}: {part}");
                if !is_old {
                    *seen.entry(part).or_default() += 1;
                }
            }
            *seen.entry("cuts").or_default() += 1;
        }
    }
    println!("{seen:?}");
    // Both ends of a change are met, or the simulation does not cut where it matters.
    for part in ["wallet", "journal", "notes"] {
        assert!(
            seen.get(part).is_some_and(|count| *count > 0),
            "{part} {seen:?}"
        );
    }
}

#[test]
fn the_simulation_finds_a_file_that_was_not_synced() {
    // The same steps without the two syncs lose or tear the file in some cut.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let (result, recording) = record(folder.path(), Some(4), || write_beside(&path, &[7; 2_000]));
    assert!(result.is_err(), "stopped before the folder is synced");
    let mut numbers = Numbers(1);
    let mut kept = 0;
    for _ in 0..100 {
        let files = recording.after_power_cut(recording.len(), |bound| numbers.below(bound));
        kept += usize::from(
            files
                .get(&path)
                .is_some_and(|content| *content == [7; 2_000]),
        );
    }
    assert!(kept > 10 && kept < 90, "{kept}");
    let mut torn = 0;
    for _ in 0..100 {
        // Before the content is synced.
        let files = recording.after_power_cut(2, |bound| numbers.below(bound));
        torn += usize::from(files.values().any(|content| *content != [7; 2_000]));
    }
    assert!(torn > 10, "{torn}");
}
