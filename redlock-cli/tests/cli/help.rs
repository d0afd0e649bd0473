use crate::tool::Tool;

#[test]
fn pages_and_completions_are_printed() {
    let tool = Tool::with_nodes(&[]);
    let printed = |args: &[&str]| {
        let ended = tool.run(args);
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{args:?}");
        ended.stdout
    };
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let text = printed(&["completions", shell]);
        assert!(text.contains("kill-after") && text.contains("status"), "{shell}");
        assert!(!text.contains("launch"), "{shell}: nobody is to call that");
    }
    assert!(printed(&["man"]).contains(".TH redlock 1"));
    let page = printed(&["man", "run"]);
    assert!(page.contains(".TH redlock-run 1") && page.contains("\\-\\-kill\\-after"), "{page}");
    assert!(printed(&["run", "--help"]).contains("deadline - kill-after - margin"));
    tool.run(&["man", "nothing"]).assert_failed(2, r#"there is no command "nothing""#);
}

#[test]
fn help_and_the_version_are_printed() {
    let tool = Tool::with_nodes(&[]);
    let printed = |args: &[&str]| {
        let ended = tool.run(args);
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{args:?}");
        ended.stdout
    };
    assert_eq!(printed(&["--version"]), format!("redlock {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(printed(&["-V"]), printed(&["--version"]));
    for command in ["run", "acquire", "release", "status", "health", "doctor", "bench", "picture", "completions", "man"]
    {
        let (summary, whole) = (printed(&[command, "-h"]), printed(&[command, "--help"]));
        assert!(summary.len() < whole.len(), "{command}: a summary");
        assert_eq!(printed(&["help", command]), whole, "{command}");
    }
    assert_eq!(printed(&["help"]), printed(&["--help"]));
}
