//! All ids that the stores hold, sorted, each once: the position of an id is the number of its object.

use super::object::{HashKind, Oid};

/// Sorted ids, with a directory by their first bits: ids are spread evenly, so that a lookup ends after a comparison or two.
pub(super) struct Ids {
    len: usize,
    bytes: Vec<u8>,
    first: Vec<u32>,
    shift: u32,
}

/// Few enough to be compared one after the other.
const FEW: usize = 8;

impl Ids {
    /// Sorted ids without duplicates, one after the other.
    pub(super) fn new(bytes: Vec<u8>, hash: HashKind) -> Self {
        let len = hash.len_in_bytes();
        let count = bytes.len() / len;
        let bits = count.next_power_of_two().trailing_zeros().clamp(1, 28);
        let shift = 32 - bits;
        let mut first = vec![0u32; (1 << bits) + 1];
        let mut slot = 0;
        for (at, id) in bytes.chunks_exact(len).enumerate() {
            let own = (prefix(id) >> shift) as usize;
            while slot <= own {
                first[slot] = at as u32;
                slot += 1;
            }
        }
        first[slot..].fill(count as u32);
        Self {
            len,
            bytes,
            first,
            shift,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.bytes.len() / self.len
    }

    pub(super) fn bytes(&self, number: u32) -> &[u8] {
        &self.bytes[number as usize * self.len..][..self.len]
    }

    pub(super) fn oid(&self, number: u32) -> Oid {
        Oid::from_bytes_or_panic(self.bytes(number))
    }

    pub(super) fn find(&self, id: &[u8]) -> Option<u32> {
        (id.len() == self.len).then(|| self.find_in(id, self.run(id)))?
    }

    /// Finds many ids, one after the other in `ids`. What their lookups wait for in memory overlaps.
    pub(super) fn find_all(
        &self,
        ids: &[u8],
        runs: &mut Vec<(u32, u32)>,
    ) -> impl Iterator<Item = Option<u32>> {
        runs.clear();
        runs.extend(ids.chunks_exact(self.len).map(|id| self.run(id)));
        ids.chunks_exact(self.len)
            .zip(&*runs)
            .map(|(id, run)| self.find_in(id, *run))
    }

    /// The numbers that an id can have by its first bits.
    fn run(&self, id: &[u8]) -> (u32, u32) {
        let slot = (prefix(id) >> self.shift) as usize;
        (self.first[slot], self.first[slot + 1])
    }

    fn find_in(&self, id: &[u8], (from, to): (u32, u32)) -> Option<u32> {
        let run = &self.bytes[from as usize * self.len..to as usize * self.len];
        let count = (to - from) as usize;
        if count <= FEW {
            let at = run.chunks_exact(self.len).position(|other| other == id)?;
            return Some(from + at as u32);
        }
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = usize::midpoint(low, high);
            match run[middle * self.len..][..self.len].cmp(id) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(from + middle as u32),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}

fn prefix(id: &[u8]) -> u32 {
    u32::from_be_bytes([id[0], id[1], id[2], id[3]])
}
