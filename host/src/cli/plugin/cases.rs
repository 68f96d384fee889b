//! Labelled cases as text, one per line: `[KIND:text]` around each expected finding, ` || ` after each message of
//! context, which may begin with its role (`assistant: `, `user: `). `#` begins a comment.

/// One labelled case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Case {
    /// Line number in the file, from 1.
    pub line: usize,
    /// Text to search.
    pub text: String,
    /// Expected findings.
    pub labels: Vec<Labelled>,
    before: Vec<(&'static str, String)>,
}

/// A labelled span; offsets are in characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Labelled {
    /// First character.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// The kind.
    pub kind: String,
}

impl Case {
    /// Role, text, and whether it is searched; the case itself last.
    pub fn messages(&self) -> Vec<(&'static str, &str, bool)> {
        let before = self.before.iter().map(|(role, text)| (*role, text.as_str(), false));
        before.chain([("user", self.text.as_str(), true)]).collect()
    }

    /// The same case behind characters of two, three and four bytes.
    pub fn behind_other_characters(&self) -> Self {
        const BEHIND: &str = "£ … 🙂. ";
        let shift = BEHIND.chars().count();
        let moved = |label: &Labelled| Labelled {
            start: label.start + shift,
            end: label.end + shift,
            kind: label.kind.clone(),
        };
        Self { text: format!("{BEHIND}{}", self.text), labels: self.labels.iter().map(moved).collect(), ..self.clone() }
    }

    /// One line of the difference: `-` for a missed label, `+` for a finding without a label.
    pub fn shown(&self, sign: char, label: &Labelled) -> String {
        let span: String = self.text.chars().skip(label.start).take(label.end - label.start).collect();
        format!("{sign} line {}, {}-{} {} {span:?} in {:?}", self.line, label.start, label.end, label.kind, self.text)
    }
}

/// Parses a file of cases; an error names its line.
pub fn read(text: &str) -> Result<Vec<Case>, String> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    let cases = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let cases: Vec<Case> = cases.map(|(at, line)| case(at, line)).collect::<Result<_, _>>()?;
    if cases.is_empty() { Err("the file contains no cases".to_owned()) } else { Ok(cases) }
}

fn case(at: usize, line: &str) -> Result<Case, String> {
    let mut parts: Vec<&str> = line.split(" || ").collect();
    let said = parts.pop().unwrap_or_default();
    let before = parts.into_iter().map(|part| match part.split_once(": ") {
        Some(("assistant", text)) => ("assistant", text.to_owned()),
        Some(("system", text)) => ("system", text.to_owned()),
        Some(("user", text)) => ("user", text.to_owned()),
        _ => ("user", part.to_owned()),
    });
    let (mut text, mut labels, mut rest) = (String::new(), Vec::new(), said);
    while let Some((plain, marked)) = rest.split_once('[') {
        text.push_str(plain);
        let is_kind = |kind: &str| {
            !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        };
        match marked.split_once(':').filter(|(kind, _)| is_kind(kind)) {
            None => {
                text.push('[');
                rest = marked;
            }
            Some((kind, inside)) => {
                let (span, behind) =
                    inside.split_once(']').ok_or_else(|| format!("line {at}: [{kind}: is not closed with ]"))?;
                let start = text.chars().count();
                text.push_str(span);
                labels.push(Labelled { start, end: text.chars().count(), kind: kind.to_owned() });
                rest = behind;
            }
        }
    }
    text.push_str(rest);
    Ok(Case { line: at, text, labels, before: before.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_where_they_were_written_in_characters() {
        let cases = read("# a comment\n\nassistant: Who? || é [NAME:Zoë] and [A-1] [ID:7]\n").expect("sound");
        let [case] = cases.as_slice() else { panic!("one case: {cases:?}") };
        assert_eq!((case.line, case.text.as_str()), (3, "é Zoë and [A-1] 7"));
        let label = |start, end, kind: &str| Labelled { start, end, kind: kind.into() };
        assert_eq!(case.labels, [label(2, 5, "NAME"), label(16, 17, "ID")]);
        assert_eq!(case.messages(), [("assistant", "Who?", false), ("user", "é Zoë and [A-1] 7", true)]);
        let behind = case.behind_other_characters();
        assert_eq!(behind.labels[0], label(9, 12, "NAME"));
        assert_eq!(behind.text.chars().skip(9).take(3).collect::<String>(), "Zoë");
    }

    #[test]
    fn a_label_without_an_end_is_named_by_its_line() {
        assert_eq!(read("ok\n[NAME:x").err().as_deref(), Some("line 2: [NAME: is not closed with ]"));
        assert_eq!(read("# nothing").err().as_deref(), Some("the file contains no cases"));
    }
}
