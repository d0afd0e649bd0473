use std::io::{BufRead, BufReader};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use redlock_tests::{Server, Servers, wait_until};
use serde_json::Value;

use crate::tool::{LIMIT, Running, Tool, full_pipe};

#[test]
fn a_table_shows_each_lock_and_the_servers_that_are_down() {
    let mut servers = Servers::start(3);
    let tool = Tool::on(&servers);
    tool.run(&["run", "job", "--min-hold", "90s", "--", "true"]).assert_said(0, "");
    assert!(wait_until(LIMIT, || servers.iter().all(|server| server.command(&["EXISTS", "job"]).unwrap() == "1")));
    let table = tool.run(&["status", "job", "other"]).stdout;
    let lines: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "STATE", "NODES", "LEFT", "WAITING", "OWNER"]);
    assert_eq!(
        (&lines[1][..5], &lines[1][6..]),
        (&["job", "held", "3", "of", "3"][..], &["s", "0", "-"][..]),
        "{table}"
    );
    assert!((88.0..90.0).contains(&lines[1][5].parse::<f64>().unwrap()), "{table}");
    assert_eq!(lines[2], ["other", "free", "3", "of", "3", "-", "0", "-"]);
    assert!(!table.contains('\x1b'), "no colours where there is no terminal");
    servers[2].kill();
    let table = tool.run(&["status", "job"]).stdout;
    assert!(table.contains("held") && table.contains("not available"), "{table}");
    let sentence = tool.run(&["status", "job", "--by-node"]).stdout;
    assert!(sentence.starts_with("job: held by another on 2 of 3 nodes"), "{sentence}");
    servers[1].kill();
    tool.run(&["status", "job"]).assert_failed(75, r#"the state of the lock "job" is unknown"#);
}

#[test]
fn json_can_be_parsed() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    for server in servers.iter() {
        server.command(&["SET", "job", "somebody else", "PX", "60000"]).unwrap();
    }
    let json: Value = serde_json::from_str(&tool.run(&["status", "job", "other", "--json"]).stdout).unwrap();
    assert_eq!((&json[0]["name"], &json[0]["state"]), (&"job".into(), &"held".into()));
    assert!((50_000..=60_000).contains(&json[0]["remaining_ms"].as_u64().unwrap()), "{json}");
    assert_eq!((&json[0]["waiting"], &json[0]["nodes"][2]["state"]), (&0.into(), &"held".into()));
    assert_eq!((&json[1]["state"], json[1].get("remaining_ms")), (&"free".into(), None));
}

#[test]
fn the_label_of_the_holder_is_shown() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    let work = "while [ ! -e go ]; do sleep 0.01; done";
    let holder = tool.start(&["run", "job", "--owner", "host-7/billing", "--", "sh", "-c", work]);
    // The lock is held as soon as two have it.
    let has_label = |server: &Server| server.get("redlock:owner:{job}").unwrap().is_some();
    assert!(wait_until(LIMIT, || servers.iter().all(has_label)));
    let table = tool.run(&["status", "job"]).stdout;
    let cells: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((cells[0].last(), cells[1].last()), (Some(&"OWNER"), Some(&"host-7/billing")), "{table}");
    let json: Value = serde_json::from_str(&tool.run(&["status", "job", "--json"]).stdout).unwrap();
    let expected = Value::from("host-7/billing");
    assert_eq!((&json[0]["owner"], &json[0]["nodes"][0]["owner"]), (&expected, &expected));
    let waiting = tool.run(&["run", "job", "--wait", "1s", "--", "true"]);
    waiting.assert_failed(75, "is held by host-7/billing on ");
    std::fs::write(tool.path("go"), "").unwrap();
    holder.wait().assert_said(0, "");
    tool.run(&["acquire", "other", "--owner", "host-8", "--token", "lock"]).assert_said(0, "");
    assert!(tool.run(&["status", "other"]).stdout.trim_end().ends_with(" host-8"));
    let refused = tool.run(&["run", "job", "--owner", "a\nb", "--", "true"]);
    assert!(refused.status == Some(2) && refused.stderr.contains("cannot be printed"), "{refused:?}");
}

#[test]
fn what_cannot_be_printed_in_a_name_is_escaped() {
    let tool = Tool::alone_on(1);
    let names = ["job\nfree \x1b[2J", "\u{202e}job", "über:7"];
    let table = tool.run(&[&["status"], &names[..]].concat()).stdout;
    let rows: Vec<&str> = table.lines().skip(1).map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(rows, [r#""job\nfree \u{1b}[2J""#, r#""\u{202e}job""#, names[2]], "{table}");
    let by_node = tool.run(&["status", "--by-node", names[0]]).stdout;
    assert!(by_node.starts_with(r#""job\nfree \u{1b}[2J": free on 1 of 1 nodes"#), "{by_node}");
}

#[test]
fn watching_shows_one_snapshot_after_another() {
    let tool = Tool::alone_on(1);
    let mut watching = tool.start(&["status", "job", "--json", "--watch=100ms"]);
    for line in BufReader::new(watching.stdout()).lines().take(3) {
        let json: Value = serde_json::from_str(&line.unwrap()).unwrap();
        assert_eq!(json[0]["state"], "free");
    }
}

#[test]
fn watching_ends_when_nobody_reads_any_more() {
    let tool = Tool::alone_on(1);
    let mut watching = tool.start(&["status", "job", "--watch=100ms"]);
    let mut lines = BufReader::new(watching.stdout()).lines();
    lines.next().unwrap().unwrap();
    drop(lines);
    let ended = watching.wait();
    assert_eq!((ended.status, &*ended.stderr), (Some(0), ""));
}

#[test]
fn watching_ends_by_a_signal_while_nobody_reads() {
    let tool = Tool::alone_on(1);
    let (_reader, writer) = full_pipe();
    let watching = Running::start_into(writer, &mut tool.command(&["status", "job", "--watch=100ms"]));
    // It writes what it has seen, and waits for a reader.
    thread::sleep(Duration::from_secs(1));
    watching.send(Signal::SIGTERM);
    assert_eq!(watching.wait().status, Some(128 + Signal::SIGTERM as i32));
}

#[test]
fn each_state_has_its_word() {
    let mut servers = Servers::start(3);
    let tool = Tool::on(&servers);
    for (place, server) in servers.iter().enumerate() {
        server.command(&["SET", "held", "value", "PX", "60000"]).unwrap();
        server.command(&["SET", "split", ["one", "two", "three"][place], "PX", "60000"]).unwrap();
        server.command(&["HSET", "other", "field", "value"]).unwrap();
    }
    let rows = |names: &[&str]| {
        let table = tool.run(&[&["status"], names].concat()).stdout;
        let rows =
            table.lines().skip(1).zip(names).map(|(line, name)| line.strip_prefix(name).unwrap().trim().to_owned());
        rows.collect::<Vec<_>>()
    };
    let states = ["free", "held", "split", "other type"];
    for (row, state) in rows(&["free", "held", "split", "other"]).iter().zip(states) {
        assert!(row.starts_with(state), "{state}: {row}");
    }
    servers[0].kill();
    servers[1].kill();
    assert!(rows(&["held"])[0].starts_with("unknown"));
}

#[test]
fn looking_changes_nothing() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    servers[0].command(&["SET", "job", "value", "PX", "60000"]).unwrap();
    assert_eq!(tool.run(&["status", "job", "other"]).status, Some(0));
    let sizes: Vec<_> = servers.iter().map(|server| server.command(&["DBSIZE"]).unwrap()).collect();
    assert_eq!(sizes, ["1", "0", "0"]);
    assert_eq!(servers[0].get("job").unwrap().unwrap(), b"value");
}
