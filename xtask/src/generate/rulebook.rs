//! The rules of the core as a page for people, read from where each is declared.

use super::catalogue::{Catalogue, Code, one_line};
use super::core::variant;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Where the core is.
const CORE: &str = "libs/decision/src";

/// What stands before the name of a rule wherever one is declared: as a constant, as a finding, through the helper of adapters.
const MARKS: [&str; 3] = ["Rule { name: \"", "rule: \"", "finding( \""];

/// One place of the core that raises a code.
#[derive(Debug)]
pub(super) struct Raised {
    /// Its name in findings, such as `never-record`.
    pub(super) name: String,
    /// The code, as the core spells it: `AllDayEvent`.
    pub(super) code: String,
    /// When it is raised.
    sentence: String,
    /// The sections of the specification that it reads, such as `DOMAIN 5.1, 8.21`.
    reads: Option<String>,
    /// Path from the root of the workspace.
    path: String,
}

impl Raised {
    /// Who asks.
    fn judge(&self) -> &'static str {
        let has = |part: &str| self.path.contains(part);
        match () {
            () if has("/eligibility/") => "eligibility",
            () if has("/telephone/") => "eligibility, of telephone calls",
            () if has("/upload/") => "eligibility, of uploads",
            () if has("/consent/") => "consent",
            () if has("/provider/") => "an adapter",
            () => "the orchestrator",
        }
    }
}

/// Everything in the core that raises a code.
pub(super) fn raised() -> Result<Vec<Raised>> {
    let mut all = Vec::new();
    for path in workspace::files(CORE)? {
        all.extend(in_file(&path, &workspace::read(&path)?)?);
    }
    Ok(all)
}

/// What one file of the core raises; its tests do not count.
fn in_file(path: &str, text: &str) -> Result<Vec<Raised>> {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let heading = comment(text.lines(), "//!");
    let mut all = Vec::new();
    // Of the comment above the last function, and whether that is the one being read.
    let mut doc: Vec<&str> = Vec::new();
    let mut above = String::new();
    for (index, line) in text.lines().enumerate() {
        let bare = line.trim_start();
        if let Some(said) = bare.strip_prefix("///") {
            doc.push(said);
            continue;
        }
        if bare.contains("fn ") {
            above = first_paragraph(doc.iter().copied());
        }
        if !bare.starts_with("#[") {
            doc.clear();
        }
        if bare.starts_with("//") {
            continue;
        }
        // With what follows on one line: a declaration may be broken anywhere.
        let ahead = text.lines().skip(index).take(4).collect::<Vec<_>>().join("\n");
        let ahead = one_line(&ahead).replace("finding(\"", "finding( \"");
        let found = MARKS.iter().find_map(|mark| {
            let begins = mark.split([' ', '"']).next().unwrap_or_default();
            let (before, rest) = ahead.split_once(mark)?;
            // What begins on a later line is found there.
            let here = one_line(bare).len() >= before.len() + begins.len();
            let (name, rest) = rest.split_once('"').filter(|_| here)?;
            let code = rest.split_once("SkipCode::")?.1;
            let code: String = code.chars().take_while(|c| c.is_alphanumeric()).collect();
            Some((mark, name.to_owned(), code))
        });
        let Some((mark, name, code)) = found else { continue };
        let is_constant = *mark == MARKS[0];
        let (said, reads) = sourced(if is_constant { &heading } else { &above });
        // A function says first what it is about, a file nothing else.
        let first = said.split_once(". ").filter(|_| !is_constant);
        let sentence = first.map_or_else(|| said.clone(), |(first, _)| format!("{first}."));
        ensure!(!sentence.is_empty(), "{path}: nothing says when `{name}` is raised");
        all.push(Raised { name, code, sentence, reads, path: path.to_owned() });
    }
    Ok(all)
}

/// The first paragraph of the comment that a text begins with.
fn comment<'a>(lines: impl Iterator<Item = &'a str>, mark: &str) -> String {
    first_paragraph(lines.map_while(|line| line.strip_prefix(mark)))
}

fn first_paragraph<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let paragraph: Vec<&str> = lines.take_while(|line| !line.trim().is_empty()).collect();
    one_line(&paragraph.join(" "))
}

/// A sentence without the note on what it reads, and that note.
fn sourced(text: &str) -> (String, Option<String>) {
    let note = text.split_once(" (DOMAIN ").and_then(|(before, rest)| {
        let (sections, after) = rest.split_once(')')?;
        Some((format!("{before}{after}"), format!("DOMAIN {sections}")))
    });
    note.map_or_else(|| (text.to_owned(), None), |(text, reads)| (text, Some(reads)))
}

/// `docs/rulebook.md`.
pub(super) fn generate(catalogue: &Catalogue, raised: &[Raised]) -> Result<String> {
    let known: BTreeSet<String> = catalogue.codes.iter().map(|code| variant(&code.name)).collect();
    for rule in raised {
        ensure!(known.contains(&rule.code), "`{}` raises no code of the catalogue", rule.name);
    }
    let mut out = format!(
        "<!-- Generated by `cargo xtask docs` from libs/decision/src and the catalogue of skip codes, not to be edited. -->\n\
         # Rulebook\n\n\
         Every rule by which a call is not recorded, in the order in which their codes precede each other: {} places of \
         the core that raise {} codes. Every rule is asked about every call. Of all codes that hold, the first one of the \
         furthest phase is shown and the others stand beside it. Sections of DOMAIN are those of the specification. All \
         {} codes, also those that no rule raises yet, stand in [skip-codes.md](skip-codes.md).\n",
        raised.len(),
        raised.iter().map(|rule| &rule.code).collect::<BTreeSet<_>>().len(),
        catalogue.codes.len(),
    );
    let mut phase = String::new();
    for code in &catalogue.codes {
        let rules: Vec<&Raised> =
            raised.iter().filter(|rule| rule.code == variant(&code.name)).collect();
        if rules.is_empty() && code.kind("phase") != "planning" {
            continue;
        }
        if phase != code.kind("phase") {
            phase = code.kind("phase");
            let _ = writeln!(out, "\n## Phase: {phase}");
        }
        section(&mut out, catalogue, code, &rules, raised)?;
    }
    Ok(out)
}

/// All about one code.
fn section(
    out: &mut String,
    catalogue: &Catalogue,
    code: &Code,
    rules: &[&Raised],
    raised: &[Raised],
) -> Result<()> {
    let twin = catalogue.codes.iter().find(|other| Some(&other.name) == code.twin.as_ref());
    let rank = match code.rank {
        0 => "Never first by itself".to_owned(),
        rank => format!("Rank {rank}"),
    };
    let _ = writeln!(out, "\n### `{}`\n\n{}\n", code.spelling, code.description);
    for rule in rules {
        let file = rule.path.rsplit('/').next().unwrap_or_default();
        let reads = rule.reads.as_ref().map(|reads| format!("{reads}, ")).unwrap_or_default();
        let _ = writeln!(
            out,
            "- **`{}`**, asked by {}: {} *({reads}[{file}](../{}))*",
            rule.name,
            rule.judge(),
            rule.sentence,
            rule.path
        );
    }
    if rules.is_empty() {
        // The core puts it in place of its twin; a code that nothing can raise would be a mistake.
        let twin = twin.with_context(|| format!("nothing raises `{}`", code.spelling))?;
        ensure!(
            raised.iter().any(|rule| rule.code == variant(&twin.name)),
            "nothing raises `{}` or its twin",
            code.spelling
        );
        let _ = writeln!(
            out,
            "- No rule of its own: it takes the place of `{}` where the call had been planned.",
            twin.spelling
        );
    }
    let twin = twin.map_or_else(|| "none".to_owned(), |twin| format!("`{}`", twin.spelling));
    let _ = writeln!(
        out,
        "- What to do: {}\n- {rank}; twin: {twin}; lifted by: {}; who can act: {}",
        code.remedy,
        code.kind("lifted_by"),
        code.kind("who_can_act"),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs<J: decision::Judge>(rules: &[decision::Rule<J>]) -> BTreeSet<(String, String)> {
        rules.iter().map(|rule| (rule.name.to_owned(), variant(rule.code.as_str()))).collect()
    }

    #[test]
    fn the_book_has_the_rules_that_are_asked() {
        let raised = raised().unwrap();
        for (judge, asked) in [
            ("eligibility", pairs(decision::eligibility::RULES)),
            ("eligibility, of telephone calls", pairs(decision::telephone::RULES)),
            ("eligibility, of uploads", pairs(decision::upload::RULES)),
            ("consent", pairs(decision::consent::RULES)),
        ] {
            let of_book: BTreeSet<_> = raised
                .iter()
                .filter(|rule| rule.judge() == judge)
                .map(|rule| (rule.name.clone(), rule.code.clone()))
                .collect();
            assert_eq!(of_book, asked);
        }
    }

    #[test]
    fn a_rule_is_found_however_its_declaration_is_broken() {
        let text = "//! When it rains (DOMAIN 5.1,\n//! 8.2).\n//!\n//! More.\n\npub const RULE: Rule<X> =\n    \
                    Rule { name: \"rain\", code: SkipCode::Rain, asks };\n\n/// When it\n/// snows. Or not.\n///\n/// More.\n\
                    fn snow() {\n    finding(\n        \"snow\",\n        SkipCode::Snow,\n    )\n}\n\n\
                    /// When it hails.\nfn hail() {\n    Finding {\n        rule: \"hail\".into(),\n        \
                    code: SkipCode::Hail,\n    }\n}\n\n#[cfg(test)]\nmod tests {\n    Finding { rule: \"r\".into(), code: SkipCode::R }\n}\n";
        let found: Vec<_> = in_file("x.rs", text)
            .unwrap()
            .into_iter()
            .map(|rule| (rule.name, rule.code, rule.sentence, rule.reads))
            .collect();
        let expected = |name: &str, code: &str, sentence: &str, reads: Option<&str>| {
            (name.to_owned(), code.to_owned(), sentence.to_owned(), reads.map(str::to_owned))
        };
        assert_eq!(
            found,
            [
                expected("rain", "Rain", "When it rains.", Some("DOMAIN 5.1, 8.2")),
                expected("snow", "Snow", "When it snows.", None),
                expected("hail", "Hail", "When it hails.", None),
            ]
        );
        let silent = "fn f() {\n    Finding { rule: \"hail\".into(), code: SkipCode::Hail }\n}\n";
        assert!(in_file("x.rs", silent).is_err());
    }
}
