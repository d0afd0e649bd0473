use std::fs;
use std::time::Instant;

use nix::unistd::{Uid, User};
use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use redlock_tests::{Port, Server, Servers, wait_until};

use crate::tool::{Ended, LIMIT, Tool};

#[test]
fn arguments_name_the_nodes_before_everything_else() {
    let servers = Servers::start(3);
    let tool = Tool::with_nodes(&["redis://127.0.0.1:1".into()]);
    let urls = servers.urls();
    let nodes: Vec<&str> = urls.iter().flat_map(|url| ["--node", url]).collect();
    tool.run(&[&nodes[..], &["run", "job", "--min-hold", "1m", "--", "true"]].concat()).assert_said(0, "");
    let status = tool.run(&[&["status", "job"], &nodes[..]].concat()).stdout;
    assert!(status.contains("of 3"), "all of them are asked: {status}");
}

#[test]
fn several_nodes_may_stand_in_one_argument_and_a_bad_one_is_named() {
    let servers = Servers::start(3);
    let (tool, urls) = (Tool::with_nodes(&[]), servers.urls().join(","));
    let status = tool.run(&["status", "job", "--node", &urls]).stdout;
    assert!(status.contains("of 3"), "all of them are asked: {status}");

    let bad = "redis://:open-sesame@10.0.0.2:port";
    let refused = [
        tool.run(&["status", "job", "--node", &format!("redis://10.0.0.1,{bad}")]),
        tool.run(&["status", "job", "--node", "redis://10.0.0.1", "--node", bad]),
        Tool::with_nodes(&["redis://10.0.0.1".into(), bad.into()]).run(&["status", "job"]),
    ];
    for refused in refused {
        assert!(!refused.stderr.contains("open-sesame"), "{refused:?}");
        refused.assert_failed(2, "the node redis://*** (number 2 of those given) is not usable: ");
    }
}

#[test]
fn two_of_five_servers_may_be_down() {
    let mut servers = Servers::start(5);
    let tool = Tool::on(&servers);
    servers[..2].iter_mut().for_each(Server::kill);
    tool.run(&["run", "job", "--", "true"]).assert_said(0, "");
    servers[2].kill();
    tool.run(&["run", "job", "--wait", "100ms", "--", "true"]).assert_failed(75, "too few nodes are available");
}

#[test]
fn a_url_may_have_a_user_and_a_database_or_be_a_unix_socket() {
    let server = Server::builder().unix_socket(true).start();
    server.command(&["ACL", "SETUSER", "worker", "on", ">open-sesame", "allkeys", "allchannels", "+@all"]).unwrap();
    let there = |database: &str| {
        let keys = server.command(&[
            "EVAL",
            "redis.call('SELECT', ARGV[1]) return redis.call('EXISTS', 'job')",
            "0",
            database,
        ]);
        keys.unwrap() == "1"
    };
    let socket = server.unix_socket().unwrap().display().to_string();
    let rows = [
        (format!("redis://worker:open-sesame@127.0.0.1:{}/3", server.port()), "3"),
        (format!("unix://{socket}?db=4&user=worker&pass=open-sesame"), "4"),
        (format!("unix://{socket}"), "0"),
    ];
    for (url, database) in rows {
        let tool = Tool::with_nodes(&[url]);
        tool.run(&["acquire", "job", "--token", "lock"]).assert_said(0, "");
        assert!(there(database), "{database}");
        tool.run(&["release", "job", "--token", "lock"]).assert_said(0, "");
    }
}

#[test]
fn servers_with_certificates_of_ones_own_are_trusted() {
    if !Server::builder().speaks_tls() {
        println!("SKIPPED: the server does not speak TLS");
        return;
    }
    let tool = Tool::with_nodes(&[]);
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".into()]).unwrap().signed_by(&key, &authority).unwrap();
    let ca_file = write(&tool, "authority.pem", authority.pem());
    let (_server, port) = start_with_tls(&tool, &certificate, &key);
    let write = |name, text| write(&tool, name, text);
    write("ours.toml", format!("nodes = 'rediss://127.0.0.1:{port}'\nca_file = {ca_file:?}\n"));
    tool.run(&["run", "job", "--config", "ours.toml", "--", "true"]).assert_said(0, "");
    write("public.toml", format!("nodes = 'rediss://127.0.0.1:{port}'\n"));
    let begun = Instant::now();
    let refused = tool.run(&["run", "job", "--config", "public.toml", "--wait", "5m", "--", "true"]);
    refused
        .assert_failed(75, "not signed by a trusted authority: trust what has signed it, by TlsBuilder::authorities");
    assert!(begun.elapsed() < LIMIT, "it is not waited for: {:?}", begun.elapsed());
    write("nowhere.toml", format!("nodes = 'rediss://127.0.0.1:{port}'\nca_file = 'no.pem'\n"));
    tool.run(&["status", "job", "--config", "nowhere.toml"]).assert_failed(2, "the file no.pem (ca_file): ");
    let plain = format!("redis://127.0.0.1:{port}");
    let refused = Tool::with_nodes(&[plain]).run(&["run", "job", "--wait", "100ms", "--", "true"]);
    refused.assert_failed(75, "write rediss://");
}

/// As `openssl req -x509` makes them, with and without `CA:FALSE`.
#[test]
fn a_certificate_that_has_signed_itself_is_trusted_unless_it_is_one_of_an_authority() {
    if !Server::builder().speaks_tls() {
        println!("SKIPPED: the server does not speak TLS");
        return;
    }
    let run = |is_ca| {
        let tool = Tool::with_nodes(&[]);
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["127.0.0.1".into()]).unwrap();
        params.is_ca = is_ca;
        let certificate = params.self_signed(&key).unwrap();
        let (_server, port) = start_with_tls(&tool, &certificate, &key);
        let config = format!("nodes = 'rediss://127.0.0.1:{port}'\nca_file = 'server.pem'\n");
        write(&tool, "redlock.toml", config);
        tool.run(&["run", "job", "--config", "redlock.toml", "--wait", "1s", "--", "true"])
    };
    run(IsCa::ExplicitNoCa).assert_said(0, "");
    let refused = run(IsCa::Ca(BasicConstraints::Unconstrained));
    refused.assert_failed(75, "is that of an authority: make one with CA:FALSE for the server, and trust what");
    assert!(!refused.stderr.contains("EndEntity"), "{refused:?}");
}

/// Writes a file, and returns its path.
fn write(tool: &Tool, name: &str, text: String) -> String {
    fs::write(tool.path(name), text).unwrap();
    tool.path(name).display().to_string()
}

/// Starts a server that speaks TLS at the port.
fn start_with_tls(tool: &Tool, certificate: &Certificate, key: &KeyPair) -> (Server, String) {
    let port = Port::free();
    let number = port.number().to_string();
    let certificate = write(tool, "server.pem", certificate.pem());
    let server = Server::builder()
        .port("--tls-port", port)
        .arg("--tls-cert-file", &certificate)
        .arg("--tls-key-file", &write(tool, "server.key", key.serialize_pem()))
        .arg("--tls-ca-cert-file", &certificate)
        .arg("--tls-auth-clients", "no")
        .start();
    (server, number)
}

#[test]
#[cfg(target_os = "linux")]
fn a_password_in_an_argument_can_be_seen_and_one_in_the_environment_not() {
    let server = Server::builder().password("open-sesame").start();
    let (hidden, tool) = (Tool::with_nodes(&[server.url()]), Tool::with_nodes(&[]));
    let arguments = |tool: &Tool, args: &[&str]| {
        let running = tool.start(
            &[&["run", "job", "--min-hold", "0s"], args, &["--", "sh", "-c", "echo > begun; exec sleep 60"]].concat(),
        );
        tool.await_file("begun");
        fs::read_to_string(format!("/proc/{}/cmdline", running.pid())).unwrap()
    };
    assert!(!arguments(&hidden, &[]).contains("open-sesame"));
    server.command(&["DEL", "job"]).unwrap();
    assert!(arguments(&tool, &["--node", &server.url()]).contains("open-sesame"));
}

/// A server that waits for the end of a line takes the beginning of TLS for one that goes on.
#[test]
fn who_speaks_tls_to_a_server_that_does_not_is_told_so_before_the_wait_ends() {
    let server = Server::start();
    let tool = Tool::with_nodes(&[format!("rediss://127.0.0.1:{}", server.port())]);
    let says = "(if it speaks no TLS, write redis://)";
    tool.run(&["run", "job", "--wait", "1s", "--", "true"]).assert_failed(75, says);
    tool.run(&["run", "job", "--wait", "0", "--", "true"]).assert_failed(75, says);
    tool.run(&["run", "job", "--if-free", "--", "true"]).assert_failed(75, says);
    tool.run(&["acquire", "job", "--wait", "800ms", "--token", "lock"]).assert_failed(75, says);
    assert!(tool.run(&["status", "job"]).stdout.contains(says));
}

#[test]
fn servers_that_can_cost_locks_are_warned_of() {
    let servers = Servers::start(2);
    let member = Server::builder().arg("--cluster-enabled", "yes").start();
    member.add_slots(0..=16_383);
    assert!(wait_until(LIMIT, || member.command(&["CLUSTER", "INFO"]).unwrap().contains("cluster_state:ok")));
    for [name, value] in [["maxmemory", "100mb"], ["maxmemory-policy", "allkeys-lru"]] {
        servers[1].command(&["CONFIG", "SET", name, value]).unwrap();
    }
    let [one, other, member] = [servers[0].port(), servers[1].port(), member.port()];
    let urls = [one, other, member].map(|port| format!("redis://127.0.0.1:{port}"));
    let tool = Tool::with_nodes(&[&urls[..], &[format!("redis://localhost:{one}")]].concat());
    let expected = [
        format!("redlock: warning: 127.0.0.1:{other}: it throws keys away when its memory is full"),
        format!("redlock: warning: 127.0.0.1:{member}: it is a member of a cluster"),
        format!("redlock: warning: localhost:{one}: it is the same server as 127.0.0.1:{one}: name each server once"),
    ];
    let run = tool.run(&["run", "job", "--", "sh", "-c", "sleep 0.5; echo done"]);
    let acquire = tool.run(&["acquire", "job", "--token", "lock"]);
    assert_eq!((run.status, &*run.stdout, acquire.status), (Some(0), "done\n", Some(0)), "{run:?}, {acquire:?}");
    for ended in [run, acquire] {
        assert_eq!(ended.stderr.lines().count(), expected.len(), "once: {ended:?}");
        assert!(expected.iter().all(|line| ended.stderr.contains(line)), "{ended:?}");
    }
}

#[test]
fn a_password_that_is_missing_is_told_from_a_wrong_one() {
    let server = Server::builder().password("open-sesame").start();
    let refused = |url: String| Tool::with_nodes(&[url]).run(&["run", "job", "--", "true"]);
    let missing = refused(format!("redis://127.0.0.1:{}", server.port()));
    missing.assert_failed(75, "(the server asks for a password, and none was given)");
    let wrong = refused(format!("redis://:open-barley@127.0.0.1:{}", server.port()));
    wrong.assert_failed(75, "check user and password (WRONGPASS ");
}

#[test]
fn the_file_may_be_in_the_home_folder_or_not_be_there() {
    let servers = Servers::start(3);
    let tool = Tool::with_nodes(&[]);
    let with_home = |args: &[&str]| {
        let mut command = tool.command(args);
        command.env_remove("XDG_CONFIG_HOME").env("HOME", tool.path("")).output().unwrap().status.code()
    };
    assert_eq!(with_home(&["run", "job", "--", "true"]), Some(2), "there are no nodes");
    fs::create_dir_all(tool.path(".config/redlock")).unwrap();
    fs::write(tool.path(".config/redlock/config.toml"), format!("nodes = {:?}\n", servers.urls())).unwrap();
    assert_eq!(with_home(&["run", "job", "--", "true"]), Some(0));
    Tool::on(&servers).run(&["run", "job", "--", "true"]).assert_said(0, "");
}

/// As for a service of systemd, or in a container.
#[test]
fn without_a_variable_the_home_folder_is_that_of_the_user() {
    let user = User::from_uid(Uid::effective()).unwrap().unwrap();
    let file = user.dir.join(".config/redlock/config.toml");
    if file.exists() {
        println!("SKIPPED: there is a file {}", file.display());
        return;
    }
    let tool = Tool::with_nodes(&[]);
    let mut command = tool.command(&["status", "job"]);
    let ended = Ended::from(command.env_remove("XDG_CONFIG_HOME").env_remove("HOME").output().unwrap());
    ended.assert_failed(2, &format!("write them into the configuration file {}", file.display()));
    let mut command = tool.command(&["status", "job"]);
    let ended = Ended::from(command.env_remove("XDG_CONFIG_HOME").env("HOME", "relative").output().unwrap());
    ended.assert_failed(2, "or write them into a file and name it with --config");
}
