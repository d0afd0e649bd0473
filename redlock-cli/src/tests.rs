//! What `--help` says that needs no server to check.

mod sentences;

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::{CommandFactory, Parser};

use crate::failure::Failure;
use crate::nodes::{NodeArgs, Nodes};
use crate::{Cli, Command};

/// The help of a command, or of the whole.
fn help(command: Option<&str>) -> String {
    let mut cli = Cli::command();
    cli.build();
    let page = match command {
        Some(name) => cli.find_subcommand_mut(name).unwrap(),
        None => &mut cli,
    };
    page.render_long_help().to_string()
}

/// The nodes of a line with the command `status`.
fn nodes_of(cli: Cli) -> NodeArgs {
    let Command::Status(command) = cli.command else { panic!("it is another command") };
    cli.nodes.followed_by(command.nodes)
}

fn commands() -> Vec<String> {
    let cli = Cli::command();
    cli.get_subcommands().map(|command| command.get_name().into()).collect()
}

/// The lines that call this program, in a shell's words: up to what the shell does with the output.
fn examples(help: &str) -> Vec<Vec<String>> {
    let (_, examples) = help.split_once("Examples:\n").expect("there are examples");
    let lines = examples.lines().take_while(|line| line.starts_with("  "));
    let calls = lines.filter_map(|line| line.split_once("redlock ").map(|(_, call)| words(call)));
    calls.collect()
}

fn words(call: &str) -> Vec<String> {
    let mut words = vec!["redlock".to_owned()];
    let mut quoted = call.split('\'');
    while let Some(plain) = quoted.next() {
        let plain = plain.trim_end_matches(')');
        let own = plain.split_whitespace().map(String::from);
        let is_last = plain.contains(['|', '>']);
        words.extend(own.take_while(|word| word != "|" && word != ">"));
        if is_last {
            break;
        }
        words.extend(quoted.next().map(String::from));
    }
    words
}

#[test]
fn the_arguments_contradict_each_other_nowhere() {
    Cli::command().debug_assert();
}

#[test]
fn every_example_can_be_parsed() {
    let mut count = 0;
    for page in commands().iter().map(|name| help(Some(name))).chain([help(None)]) {
        for example in examples(&page).iter().filter(|words| !words.contains(&"REDLOCK_NODES".into())) {
            if let Err(error) = Cli::try_parse_from(example) {
                panic!("{example:?}: {error}");
            }
            count += 1;
        }
    }
    assert!(count >= 19, "{count}");
}

#[test]
fn the_defaults_are_what_help_says() {
    let cli = Cli::parse_from(["redlock", "--node", "redis://a", "--config", "/dev/null", "status", "a"]);
    let nodes = Nodes::find(&nodes_of(cli)).unwrap();
    for name in ["run", "acquire", "bench"] {
        assert_eq!(nodes.ttl(None), default(&help(Some(name)), "--ttl"), "{name}");
    }
    for name in ["run", "acquire"] {
        assert_eq!(nodes.wait(None), default(&help(Some(name)), "--wait"), "{name}");
    }
    assert!(help(Some("run")).contains("[default: a quarter of the TTL]"), "tested in schedule.rs");
    let given =
        |line: &[&str]| Cli::command().get_matches_from([&["redlock"], line].concat()).remove_subcommand().unwrap().1;
    let bench = given(&["bench"]);
    assert_eq!(bench.get_one::<Duration>("duration"), Some(&default(&help(Some("bench")), "--duration")));
    assert_eq!(bench.get_one::<NonZeroUsize>("tasks").unwrap().get(), 64);
    assert!(help(Some("bench")).contains("[default: 64]"));
    let watch = given(&["status", "a", "--watch"]).get_one::<Duration>("watch").copied();
    assert_eq!(watch, Some(Duration::from_secs(1)), "every second unless told otherwise");
}

/// Reads `[default: 10s]` behind an option.
fn default(help: &str, option: &str) -> Duration {
    let (_, behind) = help.split_once(&format!("{option} <")).unwrap();
    let (_, behind) = behind.split_once("[default: ").unwrap();
    crate::duration::parse(behind.split_once(']').unwrap().0).unwrap()
}

#[test]
fn every_option_and_every_command_has_a_sentence() {
    let mut cli = Cli::command();
    cli.build();
    for command in cli.get_subcommands().filter(|command| command.get_name() != "help") {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
        }
    }
}

#[test]
fn node_options_may_stand_anywhere() {
    let lines = [
        ("redlock --node redis://a status a", "a:6379"),
        ("redlock status a --node redis://a", "a:6379"),
        (
            "redlock --node redis://a,redis://b status --node redis://c a --node redis://d",
            "a:6379, b:6379, c:6379, d:6379",
        ),
    ];
    for (line, names) in lines {
        let nodes = Nodes::find(&nodes_of(Cli::parse_from(line.split(' ')))).unwrap();
        assert_eq!(nodes.names().to_string(), names, "{line}");
    }
    let twice = Cli::parse_from("redlock --config a status b --config c".split(' '));
    assert!(matches!(Nodes::find(&nodes_of(twice)), Err(Failure::Usage(text)) if text.contains("--config")));
}
