//! How a user's script gets into a pod.
//!
//! It travels in the arguments of the container's command: that needs no more rights than creating
//! Jobs, and lasts as long as the Job. A constant program of ours writes the arguments to a file and
//! executes it; nothing that belongs to a user is part of that program. One argument of a process may
//! have 128 KiB (`MAX_ARG_STRLEN` of Linux), so the script comes in pieces.

/// `execve(2)`: a string of more than 131 071 bytes is `E2BIG`.
const PIECE: usize = 100_000;

/// The folder of the script, and a variable with its name.
pub(crate) const FOLDER: &str = "/alcyone";
pub(crate) const FOLDER_VARIABLE: &str = "ALCYONE_FOLDER";

/// How a launch that failed before anything of the user's ran begins in the termination message.
pub(crate) const LAUNCH_FAILED: &str = "alcyone: cannot start: ";

/// Takes the pieces of the script as its arguments.
///
/// The look at the interpreter tells a script that could not be started (nothing of the user's ran)
/// from one that ended with 126 or 127 itself.
const PROGRAM: &str = r#"
umask 022
fail() { printf '%s%s' 'alcyone: cannot start: ' "$1" >"${ALCYONE_LAST_WORDS:-/dev/termination-log}"; exit 127; }
file=$ALCYONE_FOLDER/job
printf '%s' "$@" >"$file" || fail 'the script could not be written'
chmod 755 "$file" || fail 'the script could not be made executable'
IFS= read -r line <"$file"
line=${line#??}
interpreter=${line#"${line%%[! 	]*}"}
interpreter=${interpreter%%[ 	]*}
[ -x "$interpreter" ] || fail "the image has no $interpreter"
exec "$file"
"#;

/// The container's command, `$` doubled: the kubelet expands `$(NAME)` and takes `$$` for `$`.
pub(crate) fn command(script: &str) -> Vec<String> {
    let fixed = ["/bin/sh", "-c", PROGRAM, "alcyone-job"];
    let pieces = pieces(script);
    fixed.into_iter().chain(pieces).map(literal).collect()
}

/// What the kubelet's expansion turns into `text` again (`third_party/forked/golang/expansion`).
fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

fn pieces(script: &str) -> Vec<&str> {
    let mut rest = script;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let end = (0..=PIECE.min(rest.len()))
            .rev()
            .find(|end| rest.is_char_boundary(*end))
            .unwrap_or(rest.len());
        let (piece, left) = rest.split_at(end);
        pieces.push(piece);
        rest = left;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Output};

    use super::*;

    fn run(script: &str) -> (Output, String) {
        let folder = tempfile::tempdir().unwrap();
        let words = folder.path().join("words");
        let argv: Vec<String> = command(script)
            .iter()
            .map(|word| word.replace("$$", "$"))
            .collect();
        let output = Command::new(&argv[0])
            .args(&argv[1..])
            .env(FOLDER_VARIABLE, folder.path())
            .env("ALCYONE_LAST_WORDS", &words)
            .output()
            .unwrap();
        let told = std::fs::read_to_string(words).unwrap_or_default();
        (output, told)
    }

    #[test]
    fn a_script_reaches_its_interpreter_letter_by_letter() {
        let script = "#!/bin/sh\ncat \"$0\"\nexit 7\n'; $(id) `id` $HOME $$ %s \\n \"\n日本語";
        let (output, _) = run(script);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), script);
        assert_eq!(output.status.code(), Some(7));
    }

    /// The most that a job may bring, of letters that are longer than a byte.
    #[test]
    fn a_script_of_256_kib_comes_in_pieces_that_execve_takes() {
        let letters = "é".repeat(128 * 1024 - 20);
        let script = format!("#!/bin/cat\n# {letters}\n");
        assert!(command(&script).len() > 6);
        assert!(pieces(&script).iter().all(|piece| piece.len() <= PIECE));
        let (output, _) = run(&script);
        assert!(output.stdout == script.as_bytes(), "{:?}", output.stderr);
    }

    #[test]
    fn an_interpreter_that_the_image_lacks_is_told_apart_from_the_scripts_own_127() {
        let (output, told) = run("#! /no/such/interpreter -x\nexit 0");
        assert_eq!(output.status.code(), Some(127));
        assert_eq!(
            told,
            format!("{LAUNCH_FAILED}the image has no /no/such/interpreter")
        );
        let (output, told) = run("#!/bin/sh\nno-such-command");
        assert_eq!(output.status.code(), Some(127));
        assert_eq!(told, "");
    }

    #[test]
    fn what_the_kubelet_would_expand_is_escaped() {
        assert_eq!(literal("$(HOME) $$ $"), "$$(HOME) $$$$ $$");
    }
}
