//! Every sentence of the help is in a table that names the tests which prove it: `tests/help.txt`.

use std::fs;
use std::path::Path;

use super::{commands, help};

const TABLE: &str = include_str!("../../tests/help.txt");

/// The page of what all commands have in common.
const NODES: &str = "nodes";

/// A page of the table: the name of the command, and its sentences in their order.
struct Page<'a> {
    name: &'a str,
    entries: Vec<Entry<'a>>,
}

/// A sentence, and the tests that prove it.
struct Entry<'a> {
    sentence: Vec<&'a str>,
    tests: Vec<&'a str>,
}

fn table() -> Vec<Page<'static>> {
    let pages = TABLE.split("\n# ").skip(1);
    pages.map(|page| page.split_once('\n').unwrap()).map(|(name, text)| Page { name, entries: entries(text) }).collect()
}

fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    let mut sentence = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("= ") {
            Some(tests) => {
                entries.push(Entry { sentence: std::mem::take(&mut sentence), tests: tests.split(' ').collect() });
            }
            None => sentence.push(line),
        }
    }
    assert!(sentence.is_empty(), "nothing proves {sentence:?}");
    entries
}

/// Returns the help of each command, and what all of them have in common once.
fn pages() -> Vec<(String, String)> {
    let names = commands();
    let all = names.iter().map(|name| (name.clone(), help(Some(name)))).chain([("redlock".into(), help(None))]);
    let mut nodes = Vec::new();
    let mut pages: Vec<_> = all
        .map(|(name, text)| {
            let (own, common) = split(&text);
            nodes.push(common);
            (name, own)
        })
        .collect();
    assert!(nodes.iter().all(|text| *text == nodes[0]), "it is the same everywhere");
    pages.push((NODES.into(), nodes.remove(0)));
    pages
}

/// Takes out of a page what it has in common with the others: from its heading up to the next one.
fn split(page: &str) -> (String, String) {
    let (mut own, mut common) = (String::new(), String::new());
    let mut is_common = false;
    for line in page.lines() {
        if line.starts_with(|letter: char| letter != ' ') {
            is_common = line == "Nodes:";
        }
        let part = if is_common { &mut common } else { &mut own };
        part.push_str(line);
        part.push('\n');
    }
    (own, common)
}

fn without_blanks(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn every_sentence_is_in_the_table() {
    let table = table();
    let pages = pages();
    assert_eq!(pages.len(), table.len());
    for (name, text) in pages {
        let page = table.iter().find(|page| page.name == name).unwrap_or_else(|| panic!("there is no page {name}"));
        let told: Vec<_> = page.entries.iter().flat_map(|entry| entry.sentence.iter().copied()).collect();
        let (help, told) = (without_blanks(&text), without_blanks(&told.concat()));
        let common = help.chars().zip(told.chars()).take_while(|(one, other)| one == other).count();
        let behind = |text: &str| text.chars().skip(common).take(60).collect::<String>();
        assert_eq!(help, told, "{name}: help says {:?} where the table says {:?}", behind(&help), behind(&told));
    }
}

#[test]
fn each_sentence_stands_alone() {
    for Page { name, entries } in table() {
        for Entry { sentence, .. } in entries.iter().filter(|entry| !entry.sentence.iter().any(is_example)) {
            let text = sentence.join(" ");
            let is_end =
                |place: usize| !text[..place].ends_with('.') && text[place + 2..].starts_with(char::is_uppercase);
            assert!(!text.match_indices(". ").any(|(place, _)| is_end(place)), "{name}: {text}");
        }
    }
}

/// Examples are one entry: each of them is parsed.
fn is_example(line: &&str) -> bool {
    line.starts_with("redlock ")
}

#[test]
fn the_tests_that_prove_it_are_there() {
    let mut count = 0;
    for test in table().iter().flat_map(|page| &page.entries).flat_map(|entry| &entry.tests) {
        assert!(is_there(test), "there is no test {test}");
        count += 1;
    }
    assert!(count > 150, "{count}");
}

fn is_there(test: &str) -> bool {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (file, name) = test.rsplit_once("::").unwrap();
    let file = match file.strip_suffix(".rs") {
        None => package.join("tests/cli").join(file).with_extension("rs"),
        Some(_) if file.starts_with("src/") => package.join(file),
        Some(_) => package.join("..").join(file),
    };
    let source = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let Some((before, _)) = source.split_once(&format!("fn {name}()")) else { return false };
    // Its attributes stand between it and what is before.
    before.rsplit("\n\n").next().is_some_and(|attributes| attributes.contains("test]"))
}
