use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use redlock_tests::{Middlebox, Servers, wait_until};

use crate::tool::{Ended, LIMIT, Running, Tool, full_pipe};

#[test]
fn a_lock_is_acquired_in_one_step_and_released_in_another() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    tool.run(&["acquire", "job", "--ttl", "1m", "--token", "lock"]).assert_said(0, "");
    assert!(servers.iter().all(|server| server.command(&["EXISTS", "job"]).unwrap() == "1"), "on all of them");
    assert_eq!(tool.path("lock").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    tool.run(&["run", "job", "--wait", "0", "--", "true"]).assert_failed(75, "held by somebody else");
    tool.run(&["release", "other", "--token", "lock"])
        .assert_failed(2, r#"the token file is for the lock "job", not for "other""#);
    tool.run(&["release", "job", "--token", "lock"]).assert_said(0, "");
    assert!(!tool.path("lock").exists());
    assert!(wait_until(LIMIT, || servers.iter().all(|server| server.command(&["EXISTS", "job"]).unwrap() == "0")));
}

#[test]
fn a_file_that_is_there_is_not_overwritten() {
    let tool = Tool::alone_on(3);
    tool.run(&["acquire", "job", "--token", "lock"]).assert_said(0, "");
    let text = tool.read("lock");
    tool.run(&["acquire", "other", "--token", "lock"]).assert_failed(2, "it is there already");
    tool.run(&["acquire", "other", "--token", "no/such/lock"])
        .assert_failed(2, "the token file no/such/lock: make the folder no/such first");
    tool.run(&["release", "other", "--token", "no/such/lock"])
        .assert_failed(2, "the token file no/such/lock: it is not there: `redlock acquire` writes it");
    assert_eq!(tool.read("lock"), text);
    tool.run(&["run", "other", "--wait", "0", "--", "true"]).assert_said(0, "");
}

#[test]
fn a_lock_that_was_not_acquired_leaves_no_file() {
    let tool = Tool::alone_on(3);
    tool.run(&["acquire", "job", "--ttl", "1m", "--token", "lock"]).assert_said(0, "");
    tool.run(&["acquire", "job", "--wait", "50ms", "--token", "second"]).assert_failed(75, "held by somebody else");
    let files = std::fs::read_dir(tool.path("")).unwrap();
    assert_eq!(files.count(), 1);
}

#[test]
fn a_lock_that_is_over_cannot_be_released_and_its_file_goes() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    tool.run(&["acquire", "job", "--ttl", "1m", "--token", "lock"]).assert_said(0, "");
    for server in servers.iter() {
        server.command(&["SET", "job", "somebody else", "PX", "60000"]).unwrap();
    }
    tool.run(&["release", "job", "--token", "lock"])
        .assert_failed(76, r#"the lock "job" was lost: its TTL had passed, or"#);
    assert!(!tool.path("lock").exists());
    assert_eq!(servers[0].get("job").unwrap().unwrap(), b"somebody else");
}

#[test]
fn a_release_that_reaches_too_few_servers_can_be_tried_again() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    tool.run(&["acquire", "job", "--ttl", "1m", "--token", "lock"]).assert_said(0, "");
    servers[..2].iter().for_each(redlock_tests::Server::pause);
    tool.run(&["release", "job", "--token", "lock"]).assert_failed(75, "was not released");
    servers[..2].iter().for_each(redlock_tests::Server::resume);
    tool.run(&["release", "job", "--token", "lock"]).assert_said(0, "");
}

#[test]
fn a_fence_is_printed_and_grows() {
    let tool = Tool::alone_on(3);
    let fence = |file: &str| -> u64 {
        let ended = tool.run(&["acquire", "job", "--fenced", "--token", file]);
        tool.run(&["release", "job", "--token", file]).assert_said(0, "");
        ended.stdout.trim().parse().unwrap()
    };
    assert!(fence("one") < fence("two"));
}

#[test]
fn nothing_of_a_wrong_file_is_shown() {
    let tool = Tool::alone_on(1);
    std::fs::write(tool.path("lock"), r#"{"names":["job"],"token":"secret","ttl_millis":1}"#).unwrap();
    let refused = tool.run(&["release", "job", "--token", "lock"]);
    refused.assert_failed(2, "it was not written by");
    assert!(!refused.stderr.contains("secret"));
}

#[test]
fn a_lock_that_nobody_releases_ends_with_its_ttl() {
    let tool = Tool::alone_on(3);
    tool.run(&["acquire", "job", "--ttl", "500ms", "--token", "lock"]).assert_said(0, "");
    tool.run(&["run", "job", "--ttl", "1s", "--", "true"]).assert_said(0, "");
    tool.run(&["release", "job", "--token", "lock"]).assert_failed(76, r#"the lock "job" was lost"#);
}

/// Whoever has named the wrong servers can name the right ones.
#[test]
fn a_release_on_other_servers_than_those_of_the_lock_can_be_tried_again() {
    let (servers, others) = (Servers::start(3), Servers::start(3));
    let tool = Tool::on(&servers);
    let is_there = || servers.iter().all(|server| server.command(&["EXISTS", "job"]).unwrap() == "1");
    tool.run(&["acquire", "job", "--ttl", "1m", "--token", "lock"]).assert_said(0, "");
    let other_databases: Vec<_> = servers.urls().iter().map(|url| format!("{url}/1")).collect();
    for wrong in [others.urls(), other_databases] {
        let said = tool.run(&["release", "job", "--token", "lock", "--node", &wrong.join(",")]);
        said.assert_failed(2, "too few servers were asked of those on which it was acquired");
        assert!(said.stderr.contains(&servers[0].address().to_string()), "{said:?}");
    }
    assert!(is_there() && tool.path("lock").exists());
    tool.run(&["release", "job", "--token", "lock"]).assert_said(0, "");
    assert!(!tool.path("lock").exists());
}

#[test]
fn a_release_on_too_few_of_the_servers_of_the_lock_can_be_tried_again() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    tool.run(&["acquire", "job", "--ttl", "1m", "--token", "lock"]).assert_said(0, "");
    tool.run(&["release", "job", "--token", "lock", "--node", &servers[0].url()])
        .assert_failed(2, "too few servers were asked of those on which it was acquired");
    tool.run(&["release", "job", "--token", "lock"]).assert_said(0, "");
    assert!(!tool.path("lock").exists());
}

/// The same servers can have other names elsewhere: they have deleted the keys, so they were the right ones.
#[test]
fn servers_may_have_other_names_for_the_release() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    tool.run(&["acquire", "job", "--ttl", "1m", "--token", "lock"]).assert_said(0, "");
    let renamed: Vec<_> = servers.urls().iter().map(|url| url.replace("127.0.0.1", "localhost")).collect();
    assert_ne!(renamed, servers.urls());
    tool.run(&["release", "job", "--token", "lock", "--node", &renamed.join(",")]).assert_said(0, "");
    assert!(!tool.path("lock").exists());
}

/// Nobody can hold it with the two others, and a majority may be all that is left.
#[test]
fn a_release_needs_no_more_than_a_majority_of_the_servers_of_the_lock() {
    let servers = Servers::start(5);
    let (tool, three) = (Tool::on(&servers), servers.urls()[..3].join(","));
    let release = || tool.run(&["release", "job", "--token", "lock", "--node", &three]);
    tool.run(&["acquire", "job", "--ttl", "1m", "--token", "lock"]).assert_said(0, "");
    release().assert_said(0, "");
    assert!(!tool.path("lock").exists());
    servers.iter().for_each(|server| drop(server.command(&["DEL", "job"]).unwrap()));

    tool.run(&["acquire", "job", "--ttl", "1m", "--token", "lock"]).assert_said(0, "");
    servers[..3].iter().for_each(|server| drop(server.command(&["DEL", "job"]).unwrap()));
    release().assert_failed(76, r#"the lock "job" was lost: its TTL had passed, or"#);
    assert!(!tool.path("lock").exists());
}

#[test]
fn a_release_of_which_too_few_of_the_named_servers_have_heard_says_what_is_to_be_done() {
    let servers = Servers::start(5);
    let (tool, three) = (Tool::on(&servers), servers.urls()[..3].join(","));
    let release = || tool.run(&["release", "job", "--token", "lock", "--node", &three]);
    tool.run(&["acquire", "job", "--ttl", "1m", "--token", "lock"]).assert_said(0, "");
    servers[0].pause();
    for _ in 0..2 {
        release().assert_failed(75, "only 2 of the 5 said that they have no key of it any more");
    }
    servers[0].resume();
    assert!(tool.path("lock").exists());
    release().assert_failed(2, "too few servers were asked of those on which it was acquired: only 2 of the 5");
    tool.run(&["release", "job", "--token", "lock"]).assert_said(0, "");
    assert!(!tool.path("lock").exists());
}

#[test]
fn keys_that_an_earlier_release_has_deleted_are_not_said_to_be_lost_in_another_way() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    tool.run(&["acquire", "job", "--ttl", "1m", "--token", "lock"]).assert_said(0, "");
    for server in &servers[..2] {
        tool.run(&["release", "job", "--token", "lock", "--node", &server.url()])
            .assert_failed(2, "only 1 of the 3 said that they have no key");
    }
    tool.run(&["release", "job", "--token", "lock"]).assert_failed(76, "which an earlier release may have deleted");
    assert!(!tool.path("lock").exists());
}

/// Nobody would know the fence, and the lock would keep others out.
#[test]
fn a_lock_whose_fence_cannot_be_printed_is_not_left_behind() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    let rows = [
        (">&-", 2, "stdout is closed or thrown away, and the fence with it"),
        ("> /dev/full", 1, "stdout: No space left on device"),
        ("| true", 1, "nobody reads stdout"),
    ];
    for (stdout, status, says) in rows {
        if stdout == "> /dev/full" && !cfg!(target_os = "linux") {
            continue;
        }
        let script =
            format!("(sleep 0.3; \"$0\" acquire job --ttl 1m --fenced --token lock; echo $? > status) {stdout}");
        let ended = tool.run_script(&script);
        let status_of_tool = tool.read("status").trim().parse().ok();
        Ended { status: status_of_tool, ..ended }.assert_failed(status, says);
        assert!(!tool.path("lock").exists(), "{stdout}");
        let is_free = || servers.iter().all(|server| server.command(&["EXISTS", "job"]).unwrap() == "0");
        assert!(wait_until(LIMIT, is_free), "{stdout}");
    }
}

/// Whoever has the file can give the lock back when the servers answer again.
#[test]
fn the_file_of_a_lock_that_could_not_be_given_back_stays() {
    let servers = Servers::start(3);
    let boxes: Vec<_> = servers.iter().map(Middlebox::before).collect();
    let tool = Tool::with_nodes(&boxes.iter().map(Middlebox::url).collect::<Vec<_>>());
    let (reader, writer) = full_pipe();
    let acquire = ["acquire", "job", "--ttl", "1m", "--fenced", "--token", "lock"];
    let running = Running::start_into(writer, &mut tool.command(&acquire));
    tool.await_file("lock");
    boxes.iter().for_each(Middlebox::swallow);
    drop(reader);
    running.wait().assert_failed(1, "nobody reads stdout");
    tool.run(&["release", "job", "--token", "lock"]).assert_said(0, "");
}

#[test]
fn a_fence_may_be_thrown_away() {
    let tool = Tool::alone_on(1);
    let mut command = tool.command(&["acquire", "job", "--fenced", "--token", "lock"]);
    assert!(command.stdout(Stdio::null()).status().unwrap().success());
    assert!(tool.path("lock").exists());
}

/// The file could not be written, and the signal that says so would end the process with the lock held.
#[test]
fn a_token_file_that_would_be_too_long_leaves_no_lock() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    let script = "ulimit -f 0; exec \"$0\" acquire job --ttl 1m --token lock";
    let ended = tool.run_script(script);
    ended.assert_failed(2, "the token file lock: File too large");
    assert!(wait_until(LIMIT, || servers.iter().all(|server| server.command(&["EXISTS", "job"]).unwrap() == "0")));
}
