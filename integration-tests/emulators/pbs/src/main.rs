use std::path::Path;
use std::process::ExitCode;

/// `FOLDER/bin/qstat …` is qstat of the server in `FOLDER`, `FOLDER/rough/qstat …` a bad way to it.
fn main() -> ExitCode {
    let mut args = std::env::args();
    let program = args.next().unwrap_or_default();
    let args: Vec<String> = args.collect();
    let path = Path::new(&program);
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let folder = path.parent().and_then(Path::parent);
    let Some(folder) = folder else {
        eprintln!("{program}: called without a path");
        return ExitCode::FAILURE;
    };
    let is_rough = path.parent().is_some_and(|place| place.ends_with("rough"));
    let run = if is_rough {
        emulated_pbs::rough::run
    } else {
        emulated_pbs::commands::run
    };
    let code = run(folder, name, &args).unwrap_or_else(|error| {
        eprintln!("{name}: emulator: {error:#}");
        1
    });
    ExitCode::from(code)
}
