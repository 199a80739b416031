//! A few texts that a pattern matches: enough to ask another pattern whether it still covers them.
//!
//! Every alternative is taken at least once, what may be missing is once there and once not, and a class gives one
//! character. The texts are candidates; whoever asks keeps those that really match.

use super::parse::Node;

/// Most texts that one pattern gives.
const MOST: usize = 24;
/// Longest text.
const LONGEST: usize = 512;

pub(super) fn samples(node: &Node) -> Vec<String> {
    let mut all = expand(node);
    all.sort_unstable();
    all.dedup();
    all
}

fn expand(node: &Node) -> Vec<String> {
    match node {
        Node::Empty | Node::Assert(_) => vec![String::new()],
        Node::Never => Vec::new(),
        Node::Literal { c, .. } => vec![c.to_string()],
        // A dot in a pattern often means a dot.
        Node::Class(class) => member(class, "./").map(String::from).into_iter().collect(),
        Node::Concat(nodes) => nodes
            .iter()
            .fold(vec![String::new()], |all, n| joined(&all, &expand(n))),
        Node::Alternate(branches) => {
            let mut all: Vec<String> = branches.iter().flat_map(expand).collect();
            all.truncate(MOST);
            all
        }
        Node::Repeat { node, min, .. } => {
            let once = match &**node {
                Node::Class(class) => member(class, "").map(String::from).into_iter().collect(),
                node => expand(node),
            };
            let mut all: Vec<String> = (once.iter())
                .map(|s| s.repeat((*min).clamp(1, 1_000) as usize))
                .collect();
            if *min == 0 {
                all.insert(0, String::new());
            }
            all.truncate(MOST);
            all
        }
    }
}

/// All combinations while they are few, else each part at least once.
fn joined(heads: &[String], tails: &[String]) -> Vec<String> {
    if heads.is_empty() || tails.is_empty() {
        return Vec::new();
    }
    let pair = |h: usize, t: usize| {
        let mut text = heads[h % heads.len()].clone();
        if text.len() < LONGEST {
            text.push_str(&tails[t % tails.len()]);
        }
        text
    };
    if heads.len() * tails.len() <= MOST {
        return (0..heads.len())
            .flat_map(|h| (0..tails.len()).map(move |t| (h, t)))
            .map(|(h, t)| pair(h, t))
            .collect();
    }
    (0..heads.len().max(tails.len()).min(MOST))
        .map(|i| pair(i, i))
        .collect()
}

/// A character of a class: the first of `all` if it holds all of them.
fn member(class: &str, all: &str) -> Option<char> {
    let class = regex::Regex::new(&format!("^(?:{class})$")).ok()?;
    let likely = "xqaz0-_./A ".chars();
    let mut rest = ('!'..='~').chain('\u{a0}'..='\u{17f}');
    let is_member = |c: &char| class.is_match(c.encode_utf8(&mut [0; 4]));
    if !all.is_empty() && all.chars().all(|c| is_member(&c)) && is_member(&'x') {
        return all.chars().next();
    }
    likely
        .clone()
        .find(is_member)
        .or_else(|| rest.find(is_member))
}
