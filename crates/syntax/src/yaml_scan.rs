//! The tokens of a YAML text and the comments go-yaml v3 hangs on its nodes.
//!
//! This follows the observable behaviour of go-yaml's scanner and parser as far as comments depend on it: block
//! indentation, flow levels, possible simple keys (they decide how many tokens are read ahead), and the three places a
//! comment can take. It builds no values: the places of scalars are given. Nodes come out in document order, like the
//! nodes of [`super::Document`].
//!
//! Offsets into the text are bytes; positions that are compared are characters, because go-yaml counts those.

use std::collections::{HashMap, VecDeque};

/// Blanks looked at for the next comment; go-yaml's limit.
const LOOK_AHEAD: usize = 512;

/// Characters within which a simple key must end.
const SIMPLE_KEY: isize = 1024;

/// How a scalar with a known place is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Unquoted.
    Plain,
    /// In quotes.
    Quoted,
    /// Literal or folded: the place is that of the text below the header.
    Block,
    /// `*name`
    Alias,
}

/// The place of a scalar or alias.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) shape: Shape,
}

/// Comments of a node, by the offset of their `#`.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    pub(super) head: Vec<usize>,
    pub(super) line: Vec<usize>,
    pub(super) foot: Vec<usize>,
}

/// Comments of a document: one [`Marks`] per node, in document order.
#[derive(Clone, Debug, Default)]
pub(super) struct DocumentMarks {
    pub(super) nodes: Vec<Marks>,
    /// Behind the last node.
    pub(super) foot: Vec<usize>,
}

/// Reads the marks of a text; `None` where it is no text go-yaml would read.
pub(super) fn scan(text: &str, leaves: &[Leaf]) -> Option<Vec<DocumentMarks>> {
    let mut assembler = Assembler::default();
    let mut parser = Parser::new(Scanner::new(text.as_bytes(), leaves));
    // Every event takes a token or pops a state; the bound only guards against a mistake in that.
    let bound = 8 * text.len() + 64;
    for _ in 0..bound {
        match parser.event()? {
            Event::StreamEnd => return Some(assembler.documents),
            event => assembler.take(event)?,
        }
    }
    None
}

/// A position: characters from the start, line from 0, column from 0 or, for comments that may become head or foot
/// comments, from 1.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    index: isize,
    line: isize,
    column: isize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TokenKind {
    StreamStart,
    StreamEnd,
    Directive,
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    BlockEntry,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    FlowEntry,
    Key,
    Value,
    Alias,
    Anchor,
    Tag,
    Scalar,
}

#[derive(Clone, Copy, Debug)]
struct Token {
    kind: TokenKind,
    start: isize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Head,
    Line,
    Foot,
}

/// Comment lines that belong together and wait for the token they belong to.
struct Group {
    place: Place,
    /// Position from which on tokens get it.
    at: isize,
    /// Where the comment begins, and where the blanks before it do.
    start: Mark,
    scan: isize,
    end: isize,
    lines: Vec<usize>,
}

/// A token that may turn out to be a key.
#[derive(Clone, Copy)]
struct PossibleKey {
    token: usize,
    mark: Mark,
}

struct Scanner<'s> {
    text: &'s [u8],
    pos: usize,
    mark: Mark,
    /// Line ends since the last character that is no blank.
    newlines: isize,
    leaves: std::iter::Peekable<std::slice::Iter<'s, Leaf>>,
    indent: isize,
    indents: Vec<isize>,
    flow: usize,
    key_allowed: bool,
    keys: Vec<Option<PossibleKey>>,
    keys_by_token: HashMap<usize, usize>,
    tokens: VecDeque<Token>,
    taken: usize,
    groups: VecDeque<Group>,
    started: bool,
}

impl<'s> Scanner<'s> {
    fn new(text: &'s [u8], leaves: &'s [Leaf]) -> Self {
        Self {
            text,
            pos: 0,
            mark: Mark::default(),
            newlines: 0,
            leaves: leaves.iter().peekable(),
            indent: -1,
            indents: Vec::new(),
            flow: 0,
            key_allowed: true,
            keys: vec![None],
            keys_by_token: HashMap::new(),
            tokens: VecDeque::new(),
            taken: 0,
            groups: VecDeque::new(),
            started: false,
        }
    }

    /// The byte `ahead` of the position; NUL at the end.
    fn byte(&self, ahead: usize) -> u8 {
        self.text.get(self.pos + ahead).copied().unwrap_or(0)
    }

    fn at_end(&self) -> bool {
        self.pos >= self.text.len()
    }

    fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    /// Length of the line end here, 0 if there is none. CR LF counts as one only when it is stepped over.
    fn line_end(&self, ahead: usize) -> usize {
        match (self.byte(ahead), self.byte(ahead + 1), self.byte(ahead + 2)) {
            (b'\r' | b'\n', ..) => 1,
            (0xc2, 0x85, _) => 2,
            (0xe2, 0x80, 0xa8 | 0xa9) => 3,
            _ => 0,
        }
    }

    fn is_line_end(&self, ahead: usize) -> bool {
        self.line_end(ahead) > 0
    }

    /// A line end or the end of the text.
    fn is_end(&self, ahead: usize) -> bool {
        self.pos + ahead >= self.text.len() || self.is_line_end(ahead)
    }

    fn is_space(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_end(ahead)
    }

    /// Steps over one character or line end.
    fn step(&mut self) {
        if self.at_end() {
            return;
        }
        let len = self.line_end(0);
        if len > 0 {
            let crlf = self.byte(0) == b'\r' && self.byte(1) == b'\n';
            self.pos += if crlf { 2 } else { len };
            self.mark.index += if crlf { 2 } else { 1 };
            self.mark.column = 0;
            self.mark.line += 1;
            self.newlines += 1;
            return;
        }
        if !self.is_blank(0) {
            self.newlines = 0;
        }
        self.pos += 1;
        while self.text.get(self.pos).is_some_and(|b| b & 0xc0 == 0x80) {
            self.pos += 1;
        }
        self.mark.index += 1;
        self.mark.column += 1;
    }

    fn step_to(&mut self, offset: usize) {
        while self.pos < offset && !self.at_end() {
            self.step();
        }
    }

    fn push(&mut self, kind: TokenKind, start: isize) {
        self.tokens.push_back(Token { kind, start });
    }

    /// The token at the head of the queue; enough is read ahead that its comments are known.
    fn head(&mut self) -> Option<Token> {
        loop {
            if self.tokens.len() > 2 {
                match self.keys_by_token.get(&self.taken).copied() {
                    Some(level) if self.possible_key(level) => {}
                    _ => break,
                }
            }
            self.fetch()?;
        }
        self.tokens.front().copied()
    }

    fn skip(&mut self) {
        self.tokens.pop_front();
        self.taken += 1;
    }

    /// Whether the key candidate of a flow level still is one.
    fn possible_key(&mut self, level: usize) -> bool {
        let Some(Some(key)) = self.keys.get(level).copied() else {
            return false;
        };
        if key.mark.line < self.mark.line || key.mark.index + SIMPLE_KEY < self.mark.index {
            self.keys[level] = None;
            return false;
        }
        true
    }

    fn save_key(&mut self) {
        if !self.key_allowed {
            return;
        }
        self.remove_key();
        let token = self.taken + self.tokens.len();
        let level = self.keys.len() - 1;
        self.keys[level] = Some(PossibleKey {
            token,
            mark: self.mark,
        });
        self.keys_by_token.insert(token, level);
    }

    fn remove_key(&mut self) {
        if let Some(Some(key)) = self.keys.last_mut().map(Option::take) {
            self.keys_by_token.remove(&key.token);
        }
    }

    fn last_kind(&self, back: usize) -> TokenKind {
        let n = self.tokens.len();
        n.checked_sub(1 + back)
            .and_then(|i| self.tokens.get(i))
            .map_or(TokenKind::StreamStart, |t| t.kind)
    }

    /// Reads one token.
    fn fetch(&mut self) -> Option<()> {
        if !self.started {
            self.started = true;
            self.push(TokenKind::StreamStart, 0);
            return Some(());
        }
        let from = self.mark;
        self.skip_to_token();
        self.unroll(self.mark.column, from);
        if self.at_end() {
            if self.mark.column != 0 {
                self.mark.column = 0;
                self.mark.line += 1;
            }
            self.unroll(-1, self.mark);
            self.remove_key();
            self.key_allowed = false;
            self.push(TokenKind::StreamEnd, self.mark.index);
            return Some(());
        }
        let c = self.byte(0);
        if self.mark.column == 0 {
            let indicator =
                |b: u8| c == b && self.byte(1) == b && self.byte(2) == b && self.is_space(3);
            let kind = match c {
                b'%' => Some(TokenKind::Directive),
                b'-' if indicator(b'-') => Some(TokenKind::DocumentStart),
                b'.' if indicator(b'.') => Some(TokenKind::DocumentEnd),
                _ => None,
            };
            if let Some(kind) = kind {
                self.unroll(-1, self.mark);
                self.remove_key();
                self.key_allowed = false;
                self.push(kind, self.mark.index);
                if kind == TokenKind::Directive {
                    while !self.is_end(0) {
                        self.step();
                    }
                    self.step();
                } else {
                    self.step_to(self.pos + 3);
                }
                return Some(());
            }
        }
        // Behind `:` and `,` a comment belongs to what stands before them.
        let follows = (self.flow == 0 && c == b':') || (self.flow > 0 && c == b',');
        let owner = match self.tokens.back() {
            Some(last) if follows => last.start,
            _ => self.mark.index,
        };
        self.token(c)?;
        if self.last_kind(0) != TokenKind::BlockEntry {
            self.line_comment(owner);
        }
        Some(())
    }

    fn token(&mut self, c: u8) -> Option<()> {
        let at = self.mark.index;
        while self
            .leaves
            .next_if(|l| l.shape != Shape::Block && l.start < self.pos)
            .is_some()
        {}
        if let Some(leaf) = self
            .leaves
            .next_if(|l| l.shape != Shape::Block && l.start == self.pos && l.end > l.start)
        {
            self.save_key();
            self.key_allowed = false;
            self.push(
                if leaf.shape == Shape::Alias {
                    TokenKind::Alias
                } else {
                    TokenKind::Scalar
                },
                at,
            );
            self.step_to(leaf.end);
            if leaf.shape == Shape::Plain {
                // The reader of plain text has also eaten the blanks behind it.
                while self.is_blank(0) || self.is_line_end(0) {
                    if self.is_line_end(0) {
                        self.key_allowed = true;
                    }
                    self.step();
                }
            }
            return Some(());
        }
        let flow_kind = match c {
            b'[' => Some(TokenKind::FlowSequenceStart),
            b'{' => Some(TokenKind::FlowMappingStart),
            b']' => Some(TokenKind::FlowSequenceEnd),
            b'}' => Some(TokenKind::FlowMappingEnd),
            b',' => Some(TokenKind::FlowEntry),
            _ => None,
        };
        if let Some(kind) = flow_kind {
            match kind {
                TokenKind::FlowSequenceStart | TokenKind::FlowMappingStart => {
                    self.save_key();
                    self.keys.push(None);
                    self.flow += 1;
                    self.key_allowed = true;
                }
                TokenKind::FlowEntry => {
                    self.remove_key();
                    self.key_allowed = true;
                }
                _ => {
                    self.remove_key();
                    if self.flow > 0 {
                        self.flow -= 1;
                        self.keys.pop();
                    }
                    self.key_allowed = false;
                }
            }
            self.push(kind, at);
            self.step();
            return Some(());
        }
        match c {
            b'-' if self.is_space(1) => {
                if self.flow > 0 {
                    return None;
                }
                self.roll(self.mark, None, TokenKind::BlockSequenceStart);
                self.remove_key();
                self.key_allowed = true;
                self.push(TokenKind::BlockEntry, at);
                self.step();
            }
            b'?' if self.flow > 0 || self.is_space(1) => {
                self.roll(self.mark, None, TokenKind::BlockMappingStart);
                self.remove_key();
                self.key_allowed = self.flow == 0;
                self.push(TokenKind::Key, at);
                self.step();
            }
            b':' if self.flow > 0 || self.is_space(1) => self.value(at),
            b'&' | b'!' => {
                self.save_key();
                self.key_allowed = false;
                self.push(
                    if c == b'&' {
                        TokenKind::Anchor
                    } else {
                        TokenKind::Tag
                    },
                    at,
                );
                while !(self.is_space(0)
                    || self.flow > 0 && matches!(self.byte(0), b',' | b'[' | b']' | b'{' | b'}'))
                {
                    self.step();
                }
            }
            b'|' | b'>' if self.flow == 0 => {
                let leaf = self.leaves.next_if(|l| l.shape == Shape::Block)?;
                self.remove_key();
                self.key_allowed = true;
                self.push(TokenKind::Scalar, at);
                while !self.is_space(0) {
                    self.step();
                }
                while self.is_blank(0) {
                    self.step();
                }
                if self.byte(0) == b'#' {
                    self.line_comment(at);
                }
                while !self.is_end(0) {
                    self.step();
                }
                self.step();
                self.step_to(leaf.end);
                while self.byte(0) == b' ' || self.is_line_end(0) {
                    self.step();
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// `:` makes the possible key before it a key.
    fn value(&mut self, at: isize) {
        let level = self.keys.len() - 1;
        if self.possible_key(level)
            && let Some(key) = self.keys[level].take()
        {
            let index = key.token.saturating_sub(self.taken).min(self.tokens.len());
            self.tokens.insert(
                index,
                Token {
                    kind: TokenKind::Key,
                    start: key.mark.index,
                },
            );
            self.roll(key.mark, Some(index), TokenKind::BlockMappingStart);
            self.keys_by_token.remove(&key.token);
            self.key_allowed = false;
        } else {
            self.roll(self.mark, None, TokenKind::BlockMappingStart);
            self.key_allowed = self.flow == 0;
        }
        self.push(TokenKind::Value, at);
        self.step();
    }

    /// Opens a block mapping or list where the indentation grows.
    fn roll(&mut self, mark: Mark, index: Option<usize>, kind: TokenKind) {
        if self.flow > 0 || self.indent >= mark.column {
            return;
        }
        self.indents.push(self.indent);
        self.indent = mark.column;
        let token = Token {
            kind,
            start: mark.index,
        };
        match index {
            Some(i) => self.tokens.insert(i, token),
            None => self.tokens.push_back(token),
        }
    }

    /// Closes blocks that are indented deeper than `column`. Their end moves before comments of a parent block.
    fn unroll(&mut self, column: isize, from: Mark) {
        if self.flow > 0 {
            return;
        }
        let mut end = from.index - 1;
        while self.indent > column {
            let mut stop = end;
            for group in self.groups.iter().rev() {
                if group.end < stop {
                    break;
                }
                if group.start.column == self.indent + 1 {
                    end = group.start.index;
                }
                stop = group.scan;
            }
            self.push(TokenKind::BlockEnd, end);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    /// Blanks, line ends and comments up to the next token.
    fn skip_to_token(&mut self) {
        let from = self.mark;
        loop {
            while self.byte(0) == b' '
                || ((self.flow > 0 || !self.key_allowed) && self.byte(0) == b'\t')
            {
                self.step();
            }
            // `key: # comment` over the first item of a list: the comment is the head of that item.
            if self.last_kind(1) == TokenKind::BlockSequenceStart
                && self.last_kind(0) == TokenKind::BlockEntry
                && !self.is_line_end(0)
                && let Some(group) = self.groups.back_mut()
                && group.place == Place::Line
            {
                group.place = Place::Head;
                if group.start.line == self.mark.line - 1 {
                    group.at = self.mark.index;
                }
            }
            if self.byte(0) == b'#' {
                self.comment_lines(from);
            }
            if !self.is_line_end(0) {
                return;
            }
            self.step();
            if self.flow == 0 {
                self.key_allowed = true;
            }
        }
    }

    /// A comment behind a token, on its line.
    fn line_comment(&mut self, owner: isize) {
        if self.newlines > 0 {
            return;
        }
        let blanks = (0..LOOK_AHEAD)
            .find(|i| !self.is_blank(*i))
            .unwrap_or(LOOK_AHEAD);
        if blanks == LOOK_AHEAD || self.byte(blanks) != b'#' {
            return;
        }
        self.step_to(self.pos + blanks);
        let (start, offset) = (self.mark, self.pos);
        while !self.is_end(0) {
            self.step();
        }
        self.groups.push_back(Group {
            place: Place::Line,
            at: owner,
            start,
            scan: 0,
            end: 0,
            lines: vec![offset],
        });
    }

    /// Comments on lines of their own: feet of what stands before them, heads of what follows.
    fn comment_lines(&mut self, from: Mark) {
        let mut from = from;
        let last = match self.last_kind(0) {
            TokenKind::FlowEntry if self.tokens.len() > 1 => self.tokens.get(self.tokens.len() - 2),
            _ => self.tokens.back(),
        };
        let (mut owner, behind_value) =
            last.map_or((0, false), |t| (t.start, t.kind == TokenKind::Value));
        let mut start = Mark::default();
        let indent = self.indent.max(0);
        let mut recent_empty = false;
        let mut first_empty = self.newlines <= 1;
        let mut line = self.mark.line;
        let mut column = self.mark.column;
        let mut lines: Vec<usize> = Vec::new();
        // The line on which a comment must begin to be a foot of what stands before it.
        let mut foot_line = -1;
        if from.line > 0 {
            foot_line = self.mark.line - self.newlines + 1;
            if self.newlines == 0 && self.mark.column > 1 {
                foot_line += 1;
            }
        }
        let mut ahead = 0;
        while ahead < LOOK_AHEAD {
            column += 1;
            if self.is_blank(ahead) {
                ahead += 1;
                continue;
            }
            let c = self.byte(ahead);
            let closes = self.flow > 0 && matches!(c, b']' | b'}');
            let here = Mark {
                index: self.mark.index + ahead as isize,
                line,
                column,
            };
            if closes || self.is_end(ahead) {
                let dedented = start.column - 1 < indent;
                if (closes || !recent_empty)
                    && (closes
                        || (first_empty
                            && ((start.line == foot_line && !behind_value) || dedented)))
                    && !lines.is_empty()
                {
                    if dedented {
                        owner = start.index;
                    }
                    let lines = std::mem::take(&mut lines);
                    self.groups.push_back(Group {
                        place: Place::Foot,
                        at: owner,
                        start,
                        scan: from.index,
                        end: here.index,
                        lines,
                    });
                    from = here;
                    owner = here.index;
                }
                if !self.is_line_end(ahead) {
                    break;
                }
                first_empty = false;
                recent_empty = true;
                column = 0;
                line += 1;
                ahead += 1;
                continue;
            }
            if !lines.is_empty() && column - 1 < indent && column != start.column {
                // Indented otherwise than the lines before: those are a foot.
                let lines = std::mem::take(&mut lines);
                self.groups.push_back(Group {
                    place: Place::Foot,
                    at: owner,
                    start,
                    scan: from.index,
                    end: here.index,
                    lines,
                });
                from = here;
                owner = here.index;
            }
            if c != b'#' {
                break;
            }
            if lines.is_empty() {
                start = here;
            }
            recent_empty = false;
            self.step_to(self.pos + ahead);
            lines.push(self.pos);
            while !self.is_end(0) {
                self.step();
            }
            // The first character of the line end is not looked at.
            ahead = 1;
            column = 0;
            line = self.mark.line;
        }
        if !lines.is_empty() {
            let end = self.mark.index + ahead as isize - 1;
            self.groups.push_back(Group {
                place: Place::Head,
                at: start.index,
                start,
                scan: from.index,
                end,
                lines,
            });
        }
    }
}

/// What the parser tells, with the comments it hangs on it.
enum Event {
    StreamEnd,
    DocumentStart,
    DocumentEnd(Marks),
    Scalar(Marks),
    MappingStart { flow: bool, marks: Marks },
    SequenceStart(Marks),
    MappingEnd(Marks),
    SequenceEnd(Marks),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Stream,
    Document,
    Content,
    Node,
    DocumentEnd,
    BlockSequenceFirst,
    BlockSequence,
    Indentless,
    BlockKeyFirst,
    BlockKey,
    BlockValue,
    FlowSequenceFirst,
    FlowSequence,
    PairKey,
    PairValue,
    PairEnd,
    FlowKeyFirst,
    FlowKey,
    FlowValue,
    FlowEmptyValue,
}

struct Parser<'s> {
    scanner: Scanner<'s>,
    state: State,
    states: Vec<State>,
    first_document: bool,
    /// Comments that wait for the next event that takes any.
    pending: Marks,
    /// Head comment of a list item that is a block mapping or list itself.
    stem: Option<Vec<usize>>,
}

impl<'s> Parser<'s> {
    fn new(scanner: Scanner<'s>) -> Self {
        Self {
            scanner,
            state: State::Stream,
            states: Vec::new(),
            first_document: true,
            pending: Marks::default(),
            stem: None,
        }
    }

    /// The next token; its comments become pending.
    fn peek(&mut self) -> Option<Token> {
        let token = self.scanner.head()?;
        while let Some(group) = self.scanner.groups.front() {
            // An end has no head: that waits for what follows.
            if token.start < group.at
                || (group.place == Place::Head && token.kind == TokenKind::BlockEnd)
            {
                break;
            }
            if let Some(group) = self.scanner.groups.pop_front() {
                match group.place {
                    Place::Head => self.pending.head.extend(group.lines),
                    Place::Line => self.pending.line.extend(group.lines),
                    Place::Foot => self.pending.foot.extend(group.lines),
                }
            }
        }
        Some(token)
    }

    fn skip(&mut self) {
        self.scanner.skip();
    }

    fn skip_and_peek(&mut self) -> Option<Token> {
        self.skip();
        self.peek()
    }

    fn take(&mut self) -> Marks {
        self.stem = None;
        std::mem::take(&mut self.pending)
    }

    fn pop(&mut self) -> Option<()> {
        self.state = self.states.pop()?;
        Some(())
    }

    fn empty(&mut self, next: State) -> Option<Event> {
        self.state = next;
        Some(Event::Scalar(Marks::default()))
    }

    fn node_then(&mut self, next: State, block: bool, indentless: bool) -> Option<Event> {
        self.states.push(next);
        self.node(block, indentless)
    }

    fn event(&mut self) -> Option<Event> {
        use TokenKind as T;
        match self.state {
            State::Stream => {
                self.peek()?;
                self.skip();
                self.state = State::Document;
                self.event()
            }
            State::Document => self.document(),
            State::Content => {
                let token = self.peek()?;
                if matches!(
                    token.kind,
                    T::Directive | T::DocumentStart | T::DocumentEnd | T::StreamEnd
                ) {
                    let next = self.states.pop()?;
                    return self.empty(next);
                }
                self.node(true, false)
            }
            State::Node => self.node(true, false),
            State::DocumentEnd => {
                if self.peek()?.kind == T::DocumentEnd {
                    self.skip();
                }
                self.state = State::Document;
                let mut marks = self.take();
                if marks.foot.is_empty() {
                    marks.foot = std::mem::take(&mut marks.head);
                }
                Some(Event::DocumentEnd(marks))
            }
            State::BlockSequenceFirst => {
                self.peek()?;
                self.skip();
                self.block_item(State::BlockSequence)
            }
            State::BlockSequence | State::Indentless => self.block_item(self.state),
            State::BlockKeyFirst => {
                self.peek()?;
                self.skip();
                self.block_key()
            }
            State::BlockKey => self.block_key(),
            State::BlockValue => {
                if self.peek()?.kind != T::Value {
                    return self.empty(State::BlockKey);
                }
                match self.skip_and_peek()?.kind {
                    T::Key | T::Value | T::BlockEnd => self.empty(State::BlockKey),
                    _ => self.node_then(State::BlockKey, true, true),
                }
            }
            State::FlowSequenceFirst => {
                self.peek()?;
                self.skip();
                self.flow_item(true)
            }
            State::FlowSequence => self.flow_item(false),
            State::PairKey => match self.peek()?.kind {
                T::Value | T::FlowEntry | T::FlowSequenceEnd => {
                    self.skip();
                    self.empty(State::PairValue)
                }
                _ => self.node_then(State::PairValue, false, false),
            },
            State::PairValue => {
                if self.peek()?.kind == T::Value
                    && !matches!(
                        self.skip_and_peek()?.kind,
                        T::FlowEntry | T::FlowSequenceEnd
                    )
                {
                    return self.node_then(State::PairEnd, false, false);
                }
                self.empty(State::PairEnd)
            }
            State::PairEnd => {
                self.peek()?;
                self.state = State::FlowSequence;
                Some(Event::MappingEnd(Marks::default()))
            }
            State::FlowKeyFirst => {
                self.peek()?;
                self.skip();
                self.flow_key(true)
            }
            State::FlowKey => self.flow_key(false),
            State::FlowValue => {
                if self.peek()?.kind == T::Value
                    && !matches!(self.skip_and_peek()?.kind, T::FlowEntry | T::FlowMappingEnd)
                {
                    return self.node_then(State::FlowKey, false, false);
                }
                self.empty(State::FlowKey)
            }
            State::FlowEmptyValue => {
                self.peek()?;
                self.empty(State::FlowKey)
            }
        }
    }

    fn document(&mut self) -> Option<Event> {
        use TokenKind as T;
        let mut token = self.peek()?;
        let first = std::mem::replace(&mut self.first_document, false);
        if !first {
            while token.kind == T::DocumentEnd {
                token = self.skip_and_peek()?;
            }
        }
        match token.kind {
            T::StreamEnd => {
                self.skip();
                Some(Event::StreamEnd)
            }
            T::Directive | T::DocumentStart => {
                while token.kind == T::Directive {
                    token = self.skip_and_peek()?;
                }
                if token.kind != T::DocumentStart {
                    return None;
                }
                self.skip();
                self.states.push(State::DocumentEnd);
                self.state = State::Content;
                Some(Event::DocumentStart)
            }
            _ if first => {
                self.states.push(State::DocumentEnd);
                self.state = State::Node;
                Some(Event::DocumentStart)
            }
            _ => None,
        }
    }

    fn node(&mut self, block: bool, indentless: bool) -> Option<Event> {
        use TokenKind as T;
        let mut token = self.peek()?;
        if token.kind == T::Alias {
            self.pop()?;
            let marks = self.take();
            self.skip();
            return Some(Event::Scalar(marks));
        }
        let mut properties = false;
        for _ in 0..2 {
            if matches!(token.kind, T::Anchor | T::Tag) {
                properties = true;
                token = self.skip_and_peek()?;
            }
        }
        let stem = |parser: &mut Self| Marks {
            head: parser.stem.take().unwrap_or_default(),
            ..Marks::default()
        };
        match token.kind {
            T::BlockEntry if indentless => {
                self.state = State::Indentless;
                Some(Event::SequenceStart(Marks::default()))
            }
            T::Scalar => {
                self.pop()?;
                let marks = self.take();
                self.skip();
                Some(Event::Scalar(marks))
            }
            T::FlowSequenceStart => {
                self.state = State::FlowSequenceFirst;
                Some(Event::SequenceStart(self.take()))
            }
            T::FlowMappingStart => {
                self.state = State::FlowKeyFirst;
                Some(Event::MappingStart {
                    flow: true,
                    marks: self.take(),
                })
            }
            T::BlockSequenceStart if block => {
                self.state = State::BlockSequenceFirst;
                Some(Event::SequenceStart(stem(self)))
            }
            T::BlockMappingStart if block => {
                self.state = State::BlockKeyFirst;
                Some(Event::MappingStart {
                    flow: false,
                    marks: stem(self),
                })
            }
            _ if properties => {
                self.pop()?;
                Some(Event::Scalar(Marks::default()))
            }
            _ => None,
        }
    }

    fn block_item(&mut self, state: State) -> Option<Event> {
        use TokenKind as T;
        let indentless = state == State::Indentless;
        match self.peek()?.kind {
            T::BlockEntry => {
                let before = self.pending.head.len();
                let token = self.skip_and_peek()?;
                if before > 0 && matches!(token.kind, T::BlockSequenceStart | T::BlockMappingStart)
                {
                    let own = self.pending.head.split_off(before);
                    self.stem = Some(std::mem::replace(&mut self.pending.head, own));
                }
                let ends = matches!(token.kind, T::BlockEntry | T::BlockEnd)
                    || (indentless && matches!(token.kind, T::Key | T::Value));
                if ends {
                    self.empty(state)
                } else {
                    self.node_then(state, true, false)
                }
            }
            T::BlockEnd if !indentless => {
                self.pop()?;
                self.skip();
                Some(Event::SequenceEnd(Marks::default()))
            }
            _ if indentless => {
                self.pop()?;
                Some(Event::SequenceEnd(Marks::default()))
            }
            _ => None,
        }
    }

    fn block_key(&mut self) -> Option<Event> {
        use TokenKind as T;
        match self.peek()?.kind {
            T::Key => match self.skip_and_peek()?.kind {
                T::Key | T::Value | T::BlockEnd => self.empty(State::BlockValue),
                _ => self.node_then(State::BlockValue, true, true),
            },
            T::BlockEnd => {
                self.pop()?;
                let marks = self.take();
                self.skip();
                Some(Event::MappingEnd(marks))
            }
            _ => None,
        }
    }

    fn flow_item(&mut self, first: bool) -> Option<Event> {
        use TokenKind as T;
        let mut token = self.peek()?;
        if token.kind != T::FlowSequenceEnd && !first {
            if token.kind != T::FlowEntry {
                return None;
            }
            token = self.skip_and_peek()?;
        }
        match token.kind {
            T::FlowSequenceEnd => {
                self.pop()?;
                let marks = self.take();
                self.skip();
                Some(Event::SequenceEnd(marks))
            }
            T::Key => {
                self.skip();
                self.state = State::PairKey;
                Some(Event::MappingStart {
                    flow: true,
                    marks: Marks::default(),
                })
            }
            _ => self.node_then(State::FlowSequence, false, false),
        }
    }

    fn flow_key(&mut self, first: bool) -> Option<Event> {
        use TokenKind as T;
        let mut token = self.peek()?;
        if token.kind != T::FlowMappingEnd && !first {
            if token.kind != T::FlowEntry {
                return None;
            }
            token = self.skip_and_peek()?;
        }
        match token.kind {
            T::FlowMappingEnd => {
                self.pop()?;
                let marks = self.take();
                self.skip();
                Some(Event::MappingEnd(marks))
            }
            T::Key => match self.skip_and_peek()?.kind {
                T::Value | T::FlowEntry | T::FlowMappingEnd => self.empty(State::FlowValue),
                _ => self.node_then(State::FlowValue, false, false),
            },
            _ => self.node_then(State::FlowEmptyValue, false, false),
        }
    }
}

/// An open mapping or list.
struct Open {
    id: usize,
    mapping: bool,
    flow: bool,
    previous_key: Option<usize>,
    key: Option<usize>,
}

/// Puts the comments of events on nodes; go-yaml moves some on the way.
#[derive(Default)]
struct Assembler {
    documents: Vec<DocumentMarks>,
    open: Vec<Open>,
}

impl Assembler {
    fn take(&mut self, event: Event) -> Option<()> {
        match event {
            Event::StreamEnd => {}
            Event::DocumentStart => self.documents.push(DocumentMarks::default()),
            Event::DocumentEnd(marks) => self.documents.last_mut()?.foot = marks.foot,
            Event::Scalar(marks) => {
                let id = self.add(marks)?;
                self.finished(id)?;
            }
            Event::MappingStart { flow, marks } => self.begin(true, flow, marks)?,
            Event::SequenceStart(marks) => self.begin(false, false, marks)?,
            Event::MappingEnd(marks) | Event::SequenceEnd(marks) => {
                let open = self.open.pop()?;
                let nodes = &mut self.documents.last_mut()?.nodes;
                let own = nodes.get_mut(open.id)?;
                own.line = marks.line;
                own.foot = marks.foot;
                // In a block it is the foot of the last entry.
                if open.mapping
                    && !open.flow
                    && let Some(key) = open.previous_key
                {
                    let foot = std::mem::take(&mut own.foot);
                    if !foot.is_empty() {
                        nodes.get_mut(key)?.foot = foot;
                    }
                }
                self.finished(open.id)?;
            }
        }
        Some(())
    }

    fn add(&mut self, marks: Marks) -> Option<usize> {
        let nodes = &mut self.documents.last_mut()?.nodes;
        nodes.push(marks);
        Some(nodes.len() - 1)
    }

    fn begin(&mut self, mapping: bool, flow: bool, marks: Marks) -> Option<()> {
        let id = self.add(marks)?;
        self.open.push(Open {
            id,
            mapping,
            flow,
            previous_key: None,
            key: None,
        });
        Some(())
    }

    fn finished(&mut self, id: usize) -> Option<()> {
        let Some(open) = self.open.last_mut().filter(|o| o.mapping) else {
            return Some(());
        };
        let nodes = &mut self.documents.last_mut()?.nodes;
        match open.key.take() {
            None => {
                // The foot of a key is that of the entry before it.
                if !open.flow
                    && let Some(previous) = open.previous_key
                {
                    let foot = std::mem::take(&mut nodes.get_mut(id)?.foot);
                    if !foot.is_empty() {
                        nodes.get_mut(previous)?.foot = foot;
                    }
                }
                open.key = Some(id);
            }
            Some(key) => {
                if nodes.get(key)?.foot.is_empty() {
                    let foot = std::mem::take(&mut nodes.get_mut(id)?.foot);
                    nodes.get_mut(key)?.foot = foot;
                }
                open.previous_key = Some(key);
            }
        }
        Some(())
    }
}
