use crate::tool::Tool;

#[test]
fn pages_and_completions_are_printed() {
    let tool = Tool::with_nodes(&[]);
    let printed = |args: &[&str]| {
        let ended = tool.run(args);
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{args:?}");
        ended.stdout
    };
    for shell in ["bash", "zsh", "fish"] {
        let text = printed(&["completions", shell]);
        assert!(text.contains("kill-after") && text.contains("status"), "{shell}");
    }
    assert!(printed(&["man"]).contains(".TH redlock 1"));
    let page = printed(&["man", "run"]);
    assert!(page.contains(".TH redlock-run 1") && page.contains("\\-\\-kill\\-after"), "{page}");
    assert!(printed(&["run", "--help"]).contains("deadline - kill-after - margin"));
    tool.run(&["man", "nothing"]).assert_failed(2, r#"there is no command "nothing""#);
}
