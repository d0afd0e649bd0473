use redlock_tests::Servers;
use serde_json::Value;

use crate::tool::Tool;

#[test]
fn a_report_shows_servers_that_are_well_and_servers_that_are_not() {
    let mut servers = Servers::start(3);
    let tool = Tool::on(&servers);
    let well = tool.run(&["health"]);
    assert_eq!(well.status, Some(0), "{well:?}");
    assert!(well.stdout.contains("3 of 3 nodes vote, 2 must agree"), "{well:?}");
    assert!(well.stdout.matches("releases take a script").count() <= 1, "once for all of them: {well:?}");
    for [name, value] in [["maxmemory", "100mb"], ["maxmemory-policy", "allkeys-lru"]] {
        servers[0].command(&["CONFIG", "SET", name, value]).unwrap();
    }
    servers[2].kill();
    let json = tool.run(&["health", "--json"]);
    assert_eq!(json.status, Some(1), "{json:?}");
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["nodes"][0]["warnings"][0]["kind"], "evicts");
    assert_eq!(json["nodes"][1]["warnings"], Value::Array(Vec::new()));
    assert_eq!(json["nodes"][2]["connection"]["state"], "down");
    servers[1].kill();
    let ended = tool.run(&["health"]);
    assert_eq!(ended.status, Some(75), "{ended:?}");
    assert_eq!(ended.stderr, "redlock: 1 of 3 servers vote, 2 must agree: nobody gets a lock\n");
}

#[test]
fn the_doctor_finds_what_is_wrong_and_says_what_to_do() {
    let mut servers = Servers::start(3);
    let tool = Tool::on(&servers);
    let well = tool.run(&["doctor"]);
    assert_eq!(well.status, Some(0), "{well:?}");
    for words in ["take, extend and release a lock", "take a fenced lock", "say how a lock stands", "wait in a queue"] {
        assert_eq!(well.stdout.matches(&format!("ok       {words}")).count(), 3, "{words}: {}", well.stdout);
    }
    for server in servers.iter() {
        assert!(server.command(&["KEYS", "redlock-doctor*"]).unwrap().is_empty());
        let counter = server.command(&["KEYS", "redlock:fence:*"]).unwrap();
        let left: u64 = server.command(&["TTL", &counter]).unwrap().parse().unwrap();
        assert!((86_000..=86_400).contains(&left), "{counter} stays for a day: {left}");
    }

    let rights = ["+set", "+get", "+del", "+pttl", "+pexpire", "+eval", "+evalsha"];
    let user = [&["ACL", "SETUSER", "worker", "on", ">pass", "resetchannels", "~*"], &rights[..]].concat();
    servers[0].command(&user).unwrap();
    servers[1].kill();
    let urls = [format!("redis://worker:pass@127.0.0.1:{}", servers[0].port()), servers[1].url(), servers[2].url()];
    let ill = Tool::with_nodes(&urls).run(&["doctor"]);
    assert_eq!(ill.status, Some(1), "{ill:?}");
    for words in [
        "ok       take, extend and release a lock",
        "failed   take a fenced lock",
        "warning  it does not say how it is run, nothing was checked: permit INFO to the user (+info)",
        "failed   connect: not reachable (no connection to 127.0.0.1:",
        "note     no wait queue, so locks are tried for now and then",
        "2 of 3 servers can be used, 2 must agree: locks can be taken",
    ] {
        assert!(ill.stdout.contains(words), "{words}: {}", ill.stdout);
    }
    assert!(!ill.stdout.contains("pass@"), "no password is shown");
}

#[test]
fn the_doctor_tries_a_name_that_the_user_may_use() {
    let servers = Servers::start(1);
    let rights = ["+set", "+get", "+del", "+pttl", "+pexpire", "+eval", "+evalsha", "+ping", "+script", "+info"];
    let user = [&["ACL", "SETUSER", "worker", "on", ">pass", "~invoice:*"], &rights[..]].concat();
    servers[0].command(&user).unwrap();
    let tool = Tool::with_nodes(&[format!("redis://worker:pass@127.0.0.1:{}", servers[0].port())]);
    let other = tool.run(&["doctor"]).stdout;
    assert!(other.contains("failed   take, extend and release a lock: "), "{other}");
    assert!(
        other.contains("0 of 1 servers can be used, 1 must agree: nobody gets a lock"),
        "it could not lock: {other}"
    );
    let own = tool.run(&["doctor", "--prefix", "invoice:"]).stdout;
    assert!(own.contains("ok       take, extend and release a lock"), "{own}");
    assert!(own.contains("1 of 1 servers can be used, 1 must agree: locks can be taken"), "{own}");
}

#[test]
fn the_doctor_looks_at_each_server() {
    let servers = Servers::start(3);
    for [name, value] in [["maxmemory", "100mb"], ["maxmemory-policy", "allkeys-lru"]] {
        servers[1].command(&["CONFIG", "SET", name, value]).unwrap();
    }
    let found = Tool::on(&servers).run(&["doctor"]);
    assert_eq!(found.status, Some(1), "{found:?}");
    let headings: Vec<_> = found.stdout.lines().filter(|line| line.contains("round trip")).collect();
    assert_eq!(headings.len(), 3, "{}", found.stdout);
    for heading in headings {
        assert!(heading.contains("redis ") || heading.contains("valkey "), "a version: {heading}");
        assert!(heading.contains("master"), "a role: {heading}");
    }
    assert!(found.stdout.contains("warning  it throws keys away when its memory is full"), "{}", found.stdout);
    assert!(found.stdout.contains("it forgets locks when it is killed"), "persistence: {}", found.stdout);
}

#[test]
fn looking_changes_nothing() {
    let servers = Servers::start(3);
    let json = Tool::on(&servers).run(&["health", "--json"]).stdout;
    assert!(servers.iter().all(|server| server.command(&["DBSIZE"]).unwrap() == "0"));
    let json: Value = serde_json::from_str(&json).unwrap();
    let round_trip = json["nodes"][0]["round_trip"].as_f64().unwrap();
    assert!(round_trip > 0.0 && round_trip < 5.0, "in seconds: {json}");
}
