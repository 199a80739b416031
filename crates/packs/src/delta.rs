//! Inflating, and rebuilding an object from its delta base (gitformat-pack, "Deltified representation").
//!
//! Sizes in headers are claims. Memory is taken as the stream delivers, and nothing grows beyond [`MAX_OBJECT`].

use gix::zlib::{Decompress, FlushDecompress, Status};

/// Objects beyond this are reported and not read.
pub(super) const MAX_OBJECT: usize = 512 << 20;

/// A claimed size up to this is believed at once.
const BELIEVED: usize = 4 << 20;

/// Room beyond the end: near the end of its output the decoder falls back to a slower way, and most streams are short. Also,
/// a stream that goes on does not look finished.
const SLACK: usize = 320;

/// A part of an object that was copied from its delta base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Copied {
    /// Where it stands in the object.
    pub(super) to: usize,
    /// Where it stood in the base.
    pub(super) from: usize,
    pub(super) len: usize,
}

pub(super) struct Inflater(Decompress);

impl Inflater {
    pub(super) fn new() -> Self {
        Self(Decompress::new())
    }

    /// Inflates the stream at the start of `input` into `out`; false unless it has exactly `size` bytes.
    pub(super) fn inflate(&mut self, input: &[u8], size: usize, out: &mut Vec<u8>) -> bool {
        self.0.reset();
        out.clear();
        if size <= BELIEVED {
            out.resize(size + SLACK, 0);
            let status = self.0.decompress(input, out, FlushDecompress::Finish);
            out.truncate(size);
            matches!(status, Ok(Status::StreamEnd)) && self.0.total_out() == size as u64
        } else {
            size <= MAX_OBJECT && self.inflate_in_steps(input, size, out)
        }
    }

    fn inflate_in_steps(&mut self, input: &[u8], size: usize, out: &mut Vec<u8>) -> bool {
        let (mut taken, mut given) = (0, 0);
        loop {
            let room = (given * 2).clamp(BELIEVED, size + SLACK);
            out.resize(room, 0);
            let status =
                self.0
                    .decompress(&input[taken..], &mut out[given..], FlushDecompress::None);
            (taken, given) = (self.0.total_in() as usize, self.0.total_out() as usize);
            match status {
                Ok(Status::StreamEnd) => {
                    out.truncate(given);
                    return given == size;
                }
                // The room was filled, and there may be more.
                Ok(_) if given == room && given <= size => {}
                _ => return false,
            }
        }
    }
}

/// The sizes of the base and of the result, and where the instructions start.
fn sizes(delta: &[u8]) -> Option<(usize, usize, usize)> {
    let (base, at) = size(delta, 0)?;
    let (result, at) = size(delta, at)?;
    Some((base, result, at))
}

/// The size of the object that a delta makes.
pub(super) fn result_size(delta: &[u8]) -> Option<usize> {
    sizes(delta).map(|(_, result, _)| result)
}

fn size(delta: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let (mut value, mut shift) = (0u64, 0);
    loop {
        let byte = *delta.get(at)?;
        at += 1;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, at));
        }
        if shift > 56 {
            return None;
        }
    }
}

/// Rebuilds an object into `out` and says what was copied from the base; false when the delta does not fit.
pub(super) fn apply(
    base: &[u8],
    delta: &[u8],
    out: &mut Vec<u8>,
    copied: &mut Vec<Copied>,
) -> bool {
    out.clear();
    copied.clear();
    let Some((base_size, result, start)) = sizes(delta) else {
        return false;
    };
    if base_size != base.len() || result > MAX_OBJECT {
        return false;
    }
    out.reserve(result.min(BELIEVED));
    instructions(base, &delta[start..], result, out, copied).is_some() && out.len() == result
}

fn instructions(
    base: &[u8],
    mut delta: &[u8],
    result: usize,
    out: &mut Vec<u8>,
    copied: &mut Vec<Copied>,
) -> Option<()> {
    while let Some((&op, rest)) = delta.split_first() {
        delta = rest;
        if op & 0x80 != 0 {
            let (mut from, mut len) = (0usize, 0usize);
            for bit in 0..4 {
                if op & (1 << bit) != 0 {
                    let (&byte, rest) = delta.split_first()?;
                    from |= usize::from(byte) << (8 * bit);
                    delta = rest;
                }
            }
            for bit in 0..3 {
                if op & (0x10 << bit) != 0 {
                    let (&byte, rest) = delta.split_first()?;
                    len |= usize::from(byte) << (8 * bit);
                    delta = rest;
                }
            }
            if len == 0 {
                len = 0x10000;
            }
            let bytes = base.get(from..from + len)?;
            if out.len() + len > result {
                return None;
            }
            let to = out.len();
            out.extend_from_slice(bytes);
            match copied.last_mut() {
                // Git cuts long copies into pieces of 64 KiB.
                Some(last) if last.to + last.len == to && last.from + last.len == from => {
                    last.len += len;
                }
                _ => copied.push(Copied { to, from, len }),
            }
        } else {
            let bytes = delta.get(..usize::from(op))?;
            if op == 0 || out.len() + bytes.len() > result {
                return None;
            }
            out.extend_from_slice(bytes);
            delta = &delta[bytes.len()..];
        }
    }
    Some(())
}
