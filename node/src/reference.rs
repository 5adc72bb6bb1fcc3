//! The reference of all commands as one page of Markdown, made of the same definitions as `--help`, the man pages and the completions.

use clap::{Arg, ArgAction, Command};
use std::fmt::Write;

/// The page.
pub(crate) fn markdown(mut command: Command) -> String {
    command.build();
    let mut page = "# Commands\n\n<!-- Made by `sapwood reference > docs/commands.md`; change the help texts instead. -->\n\n".to_owned();
    section(&mut page, &command, "sapwood");
    page
}

/// A command, and those below it.
fn section(page: &mut String, command: &Command, path: &str) {
    let level = if path == "sapwood" { "##" } else { "###" };
    // Writing to a string does not fail.
    let _ = writeln!(page, "{level} `{path}`\n");
    let about = command.get_long_about().or_else(|| command.get_about());
    if let Some(about) = about {
        let _ = writeln!(page, "{about}\n");
    }
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim();
    let _ = writeln!(page, "    {usage}\n");
    // What all commands have is told once.
    let is_top = path == "sapwood";
    let shown = |arg: &&Arg| {
        let is_help = matches!(
            arg.get_action(),
            ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
        );
        !is_help && !arg.is_hide_set() && (is_top || !arg.is_global_set())
    };
    let arguments: Vec<&Arg> = command.get_arguments().filter(shown).collect();
    for arg in &arguments {
        let _ = writeln!(page, "- {}", line(arg));
    }
    if !arguments.is_empty() {
        page.push('\n');
    }
    if let Some(help) = command.get_after_help() {
        let help = help.to_string();
        for text in help.lines() {
            // Examples are indented by two in the help and by four here, which makes them code.
            let _ = match text.strip_prefix("  ") {
                Some(example) => writeln!(page, "    {example}"),
                None => writeln!(page, "{text}\n"),
            };
        }
        page.push('\n');
    }
    for inner in command.get_subcommands() {
        if inner.get_name() != "help" && !inner.is_hide_set() {
            section(page, inner, &format!("{path} {}", inner.get_name()));
        }
    }
}

/// A flag or argument, its values, its default and its variable.
fn line(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let values = names.iter().map(|name| name.to_string());
    let takes_value = arg.get_action().takes_values();
    let value = match takes_value {
        true => values.collect::<Vec<_>>().join(" "),
        false => String::new(),
    };
    let short = arg.get_short().map(|c| format!("-{c}, "));
    let head = match arg.get_long() {
        Some(long) => format!("{}--{long} {value}", short.unwrap_or_default()),
        None => value,
    };
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let help = help.map(|text| text.to_string().replace("\n\n", ". "));
    let mut line = format!("`{}`: {}", head.trim(), help.unwrap_or_default());
    let defaults = arg.get_default_values();
    if takes_value && let Some(default) = defaults.first() {
        let _ = write!(line, " (default `{}`)", default.to_string_lossy());
    }
    if let Some(variable) = arg.get_env() {
        let _ = write!(line, " (environment `{}`)", variable.to_string_lossy());
    }
    line
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::cli::Cli;
    use clap::{CommandFactory, Parser};
    use std::fs;
    use std::path::Path;

    fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    #[test]
    fn the_page_in_docs_is_what_the_program_prints() {
        let made = markdown(Cli::command());
        let kept = fs::read_to_string(root().join("docs/commands.md")).unwrap();
        assert!(
            kept == made,
            "stale: cargo run -p sapwood-node -- reference > docs/commands.md"
        );
    }

    /// The words of a line as a shell would give them, up to what the shell does itself.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
        for c in line.chars() {
            match (quote, c) {
                (Some(q), c) if c == q => quote = None,
                (None, '\'' | '"') => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                (None, '|' | '>' | '<' | '#' | '&' | ';') => break,
                (None, c) if c.is_whitespace() => words.extend(word.take()),
                (_, c) => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        words
    }

    /// A word that an example only begins: a hash in full, anything else with one more letter.
    fn whole(word: String) -> String {
        match word.strip_suffix('…') {
            Some(start) if start.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')) => {
                format!("{start:0<64}")
            }
            _ => word.replace('…', "x"),
        }
    }

    /// Parses an example. What stands for something else in it is put there.
    fn check(line: &str) {
        let line = line.trim_start_matches("sudo -u sapwood ");
        let words: Vec<String> = words(line).into_iter().map(whole).collect();
        let parsed = Cli::try_parse_from(&words);
        match parsed {
            Ok(_) => {}
            Err(error) if !error.use_stderr() => {}
            Err(error) => panic!("`{line}` is no command: {error}"),
        }
    }

    fn examples(command: &Command, found: &mut Vec<String>) {
        let help = command.get_after_help().map(ToString::to_string);
        let lines = help.as_deref().unwrap_or_default().lines();
        let lines = lines.filter_map(|line| line.strip_prefix("  "));
        found.extend(
            lines
                .filter(|l| l.starts_with("sapwood"))
                .map(str::to_owned),
        );
        for inner in command.get_subcommands() {
            examples(inner, found);
        }
    }

    #[test]
    fn every_example_of_the_help_is_a_command() {
        let mut found = Vec::new();
        examples(&Cli::command(), &mut found);
        assert!(found.len() > 30, "{found:?}");
        found.iter().for_each(|line| check(line));
    }

    #[test]
    fn every_command_in_the_pages_for_people_is_one() {
        let docs = fs::read_dir(root().join("docs")).unwrap();
        let docs = docs.map(|entry| entry.unwrap().path());
        let pages = docs.chain(["README.md", "SECURITY.md"].map(|name| root().join(name)));
        let mut count = 0;
        for page in pages.filter(|path| path.extension().is_some_and(|e| e == "md")) {
            if page.ends_with("docs/commands.md") {
                continue;
            }
            let text = fs::read_to_string(&page).unwrap();
            let lines = text.lines().filter_map(|line| line.strip_prefix("    "));
            for line in lines.filter(|line| {
                line.starts_with("sapwood ") || line.starts_with("sudo -u sapwood sapwood ")
            }) {
                check(line);
                count += 1;
            }
        }
        assert!(count > 5);
    }
}
