//! Names of files and directories, each kept once.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

/// Numbered names. The seed of the hash is random: names are chosen by whoever writes the repository.
pub(super) struct Names {
    bytes: Vec<u8>,
    /// Where each name ends.
    ends: Vec<u32>,
    /// Open addressing; the number, or [`FREE`].
    slots: Vec<u32>,
    seed: RandomState,
}

const FREE: u32 = u32::MAX;

/// No system has longer paths, so no name is longer either.
pub(super) const MAX_PATH: usize = 1 << 16;

/// All names together.
const MAX_NAMES: usize = 256 << 20;

impl Names {
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            ends: Vec::new(),
            slots: vec![FREE; 1 << 10],
            seed: RandomState::default(),
        }
    }

    pub(super) fn count(&self) -> u32 {
        self.ends.len() as u32
    }

    pub(super) fn get(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let from = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[from as usize..self.ends[number] as usize]
    }

    /// The number of a name; `None` when it is too long or there are too many.
    pub(super) fn number(&mut self, name: &[u8]) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut slot = self.seed.hash_one(name) as usize & mask;
        while self.slots[slot] != FREE {
            if self.get(self.slots[slot]) == name {
                return Some(self.slots[slot]);
            }
            slot = (slot + 1) & mask;
        }
        if name.len() > MAX_PATH || self.bytes.len() + name.len() > MAX_NAMES {
            return None;
        }
        let number = self.count();
        self.bytes.extend_from_slice(name);
        self.ends.push(self.bytes.len() as u32);
        self.slots[slot] = number;
        if self.ends.len() * 2 > self.slots.len() {
            self.grow();
        }
        Some(number)
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        let mut slots = vec![FREE; mask + 1];
        for number in 0..self.count() {
            let mut slot = self.seed.hash_one(self.get(number)) as usize & mask;
            while slots[slot] != FREE {
                slot = (slot + 1) & mask;
            }
            slots[slot] = number;
        }
        self.slots = slots;
    }
}
