//! Writing a plan into the tree ([`Tree::commit`]).

use std::vec::Vec;

use crate::tree::climb::Levels;
use crate::tree::delta::Delta;
use crate::tree::plan::Plan;
use crate::tree::trie::Sprout;
use crate::tree::{Mode, Tree};

impl Tree {
    /// Turns this tree into what was planned, and gives what leads back.
    ///
    /// # Panics
    /// If the plan was made for another tree or for another version of this one: each commit makes a new version, so of
    /// several plans for one version only one can be committed.
    pub fn commit(&mut self, plan: Plan) -> Delta {
        assert!(
            (plan.version, plan.base) == (self.version, self.root()),
            "the plan is of another version of the tree"
        );
        let mut delta = self.swap_hashes(&plan);
        for part in plan.parts {
            for edit in part.edits {
                if matches!(edit.new, Sprout::Page(_)) {
                    delta.paged.push(edit.spot.at);
                }
                let keep = self.mode == Mode::Fast;
                let slot = edit.new.plant(
                    &mut self.store,
                    edit.old,
                    edit.spot.page,
                    &part.leaves,
                    keep,
                );
                *self.store.slot_mut(edit.spot) = slot;
            }
        }
        delta.paged.sort_unstable();
        self.len = plan.len;
        self.version += 1;
        delta
    }

    /// Writes the new hashes and keeps the old ones.
    fn swap_hashes(&mut self, plan: &Plan) -> Delta {
        let all = || core::iter::once(&plan.top).chain(plan.parts.iter().map(|part| &part.levels));
        let count = all().map(Levels::count).sum();
        let mut delta = Delta {
            version: self.version,
            root: self.root(),
            len: self.len,
            places: Vec::with_capacity(count),
            hashes: Vec::with_capacity(count),
            paged: Vec::new(),
        };
        // Depth by depth and from left to right: in the order of the places' numbers.
        for depth in 0..all().map(Levels::depths).max().unwrap_or(0) {
            for changed in all().flat_map(|levels| levels.at(depth)) {
                let old = core::mem::replace(self.store.hash_mut(changed.spot), changed.hash);
                delta.places.push(changed.spot.at);
                delta.hashes.push(old);
            }
        }
        delta
    }
}
