use redlock_tests::Servers;

use crate::tool::Tool;

#[test]
fn a_lock_that_is_held_is_success_without_a_word() {
    let mut servers = Servers::start(3);
    let tool = Tool::on(&servers);
    let holder = tool.start(&["run", "job", "--", "sh", "-c", "echo > begun; exec sleep 60"]);
    tool.await_file("begun");
    tool.run(&["run", "job", "--if-free", "--", "echo", "run"]).assert_said(0, "");
    tool.run(&["run", "other", "--if-free", "--", "sh", "-c", "echo run; exit 4"]).assert_said(4, "run\n");
    servers[0].kill();
    tool.run(&["run", "job", "--if-free", "--", "echo", "run"]).assert_said(0, "");
    servers[1].kill();
    tool.run(&["run", "job", "--if-free", "--", "echo", "run"]).assert_failed(75, "too few nodes are available");
    holder.send(nix::sys::signal::Signal::SIGTERM);
    holder.wait();
}

/// A single attempt of each would be granted by some servers each and by a majority to nobody, now and then.
#[test]
fn of_those_who_come_at_the_same_moment_exactly_one_runs() {
    let tool = Tool::alone_on(3);
    for round in 0..10 {
        let name = format!("job-{round}");
        let args = ["run", &name, "--if-free", "--min-hold", "1m", "--", "echo", "run"];
        let all: Vec<_> = (0..5).map(|_| tool.start(&args)).collect();
        let ended: Vec<_> = all.into_iter().map(crate::tool::Running::wait).collect();
        assert!(ended.iter().all(|one| one.status == Some(0) && one.stderr.is_empty()), "{ended:?}");
        assert_eq!(ended.iter().filter(|one| one.stdout == "run\n").count(), 1, "round {round}: {ended:?}");
    }
}

/// As those leave it who came at the same moment and were granted by one server each.
#[test]
fn keys_by_which_nobody_holds_the_lock_do_not_keep_the_command_from_running() {
    let servers = Servers::start(3);
    for (server, value) in servers.iter().zip(["one", "another"]) {
        server.command(&["SET", "job", value, "PX", "500"]).unwrap();
    }
    Tool::on(&servers).run(&["run", "job", "--if-free", "--", "echo", "run"]).assert_said(0, "run\n");
}

#[test]
fn a_name_that_is_blocked_for_ever_is_not_passed_over_in_silence() {
    let servers = Servers::start(3);
    for server in servers.iter() {
        server.command(&["HSET", "job", "field", "value"]).unwrap();
    }
    let tool = Tool::on(&servers);
    let says = r#"the lock "job" was not acquired: it is blocked by a key of another type on 3 of 3 nodes"#;
    tool.run(&["run", "job", "--if-free", "--", "echo", "run"]).assert_failed(75, says);
    tool.run(&["run", "job", "--wait", "100ms", "--", "echo", "run"]).assert_failed(75, says);
    tool.run(&["acquire", "job", "--wait", "100ms", "--token", "lock"]).assert_failed(75, says);
}
