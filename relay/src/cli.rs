//! The command line.

use crate::check;
use crate::config::{Config, LogFormat, LogLevel, Options};
use crate::demo::{self, Demo};
use crate::export;
use crate::serve::Server;
use crate::service::{self, Inherited, News, Signal, Signals};
use crate::upstream::{Ca, UpstreamEntry};
use clap::error::{ContextKind, ContextValue};
use clap::{Parser, Subcommand};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::runtime::Runtime;

/// Exit code for a configuration that cannot be used; the same as clap's for a wrong command line.
const MISUSE: u8 = 2;

/// What `serve` says when it has nowhere to go. The two pages are where DataMotion publishes its host names; none is guessed.
const NO_UPSTREAM: &str = "\
There is no mail server to relay to yet.

DataMotion publishes the host names of its POP3 servers on two pages:

  SecureMail:  https://kb.datamotion.com/?ht_kb=pop3-smtp-settings-securemail
  Direct:      https://kb.datamotion.com/?ht_kb=what-are-the-pop3smtp-settings-for-direct

Give the one you use a name, and pass it:

  poplar-relay serve --upstream securemail=pop3s://HOST:995

(HOST stands for the host name on that page.) Any other POP3 server works the same way. To see Poplar without one:

  poplar-relay demo
";

/// Read DataMotion SecureMail and Direct mailboxes, or any POP3 mailbox, in a web browser.
#[derive(Parser)]
#[command(name = "poplar-relay", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the relay and the page
    #[command(after_help = FILE_HELP)]
    Serve {
        /// Check the configuration and the files that it names, and end
        #[arg(long)]
        check_config: bool,
        /// Print the configuration as it is put together, with all defaults, as a configuration file, and end
        #[arg(long)]
        print_config: bool,
        #[command(flatten)]
        options: Box<Options>,
    },
    /// The same with a built-in mailbox (user demo, password demo) to look at
    Demo {
        #[command(flatten)]
        options: Box<Options>,
    },
    /// Try to reach a mail server, step by step, and say in words what works
    ///
    /// Takes the flags of `serve`: put `check NAME` in its place.
    #[command(after_help = CHECK_HELP)]
    Check {
        /// An upstream of the configuration, or a URL such as pop3s://host
        #[arg(value_name = "NAME|URL")]
        target: String,
        /// Print JSON for machines
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        options: Box<Options>,
    },
    /// Write page, element and library to a folder, for static hosting
    Web {
        /// Folder to write to
        dir: PathBuf,
        /// The relay that the page uses, as in `https://relay.example`; its own origin if not given
        #[arg(long, value_name = "URL")]
        relay: Option<String>,
    },
}

const CHECK_HELP: &str = "\
Exit code: 0 where everything works, 1 where something does not, 2 for a wrong command line or configuration, 130 after Ctrl-C.
Colours follow the terminal, NO_COLOR and CLICOLOR_FORCE.";

const FILE_HELP: &str = "\
Every flag is also a variable (--max-tunnels is POPLAR_MAX_TUNNELS; lists are separated by commas) and a key of the
configuration file, where an upstream may also be a table:

  listen = \"127.0.0.1:8110\"
  max-tunnels = 100
  allow-origin = [\"https://clinic.example\"]

  [upstream.securemail]
  url = \"pop3s://HOST:995\"
  label = \"SecureMail\"           # what people are shown
  ca = \"roots.pem\"               # the rest is optional too
  pin = [\"sha256:…\"]
  private = false
  plaintext = false
  max-tunnels = 200
  dial-timeout = 15
  idle-timeout = 900

The file of the certificate and that of the tokens are read again when they change, within a minute, and at once on SIGHUP.";

/// Runs the program on this process's arguments and environment.
pub fn main() -> ExitCode {
    match Cli::try_parse().unwrap_or_else(|error| discreet(error).exit()).command {
        Command::Serve { check_config: true, print_config: false, options } => with_options(*options, check_config),
        Command::Serve { check_config, print_config: true, options } => {
            with_options(*options, |options| print_config(options, check_config))
        }
        Command::Serve { options, .. } => with_options(*options, serve),
        Command::Demo { options } => with_options(*options, demo),
        Command::Check { target, json, options } => with_options(*options, |options| check(&target, json, options)),
        Command::Web { dir, relay } => web(&dir, relay.as_deref()),
    }
}

/// The same error without the user and password that somebody put into an address. What cannot be used is quoted, and what is
/// printed here is in a service's log for long.
fn discreet(mut error: clap::Error) -> clap::Error {
    let quoted = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(quoted)) => quoted.rsplit_once('@').map(|(_, host)| format!("…@{host}")),
        _ => None,
    };
    if let Some(quoted) = quoted {
        error.insert(ContextKind::InvalidValue, ContextValue::String(quoted));
    }
    error
}

/// A reason to end early: the sentence for a person, and the exit code.
type Outcome = Result<ExitCode, (u8, String)>;

fn with_options(options: Options, run: impl FnOnce(Options) -> Outcome) -> ExitCode {
    let outcome = options.with_file().map_err(misuse).and_then(|options| {
        start_log(&options);
        run(options)
    });
    outcome.unwrap_or_else(|(code, sentence)| {
        eprintln!("poplar-relay: {sentence}");
        ExitCode::from(code)
    })
}

fn serve(mut options: Options) -> Outcome {
    if options.upstream.is_empty() {
        eprint!("{NO_UPSTREAM}");
        return Ok(ExitCode::from(MISUSE));
    }
    let inherited = inherit(&mut options)?;
    let config = options.resolve().map_err(misuse)?;
    finish(runtime()?, run(config, inherited, |url| println!("Poplar is ready: {url}\nStop it with Ctrl-C.")))
}

/// Takes the sockets of a service manager. Where they listen is where the relay listens, and is judged as if it had been said.
fn inherit(options: &mut Options) -> Result<Inherited, (u8, String)> {
    let fail = |e: std::io::Error| failure(format!("the socket of the service manager cannot be used: {e}"));
    let inherited = Inherited::take().map_err(fail)?;
    if let Some(listener) = &inherited.listener {
        options.listen = Some(listener.local_addr().map_err(fail)?);
    }
    if let Some(admin) = &inherited.admin {
        // Metrics are served where that was asked for. A second socket may as well be meant for another network's clients.
        if options.admin_listen.is_none() {
            let second = "a second socket is handed over, which is where metrics are served: say --admin-listen, or hand over one";
            return Err(misuse(second));
        }
        options.admin_listen = Some(admin.local_addr().map_err(fail)?);
    }
    Ok(inherited)
}

fn check_config(options: Options) -> Outcome {
    if options.upstream.is_empty() {
        eprint!("{NO_UPSTREAM}");
        return Ok(ExitCode::from(MISUSE));
    }
    let config = options.resolve().map_err(misuse)?;
    let upstreams = config.upstreams.len();
    println!("The configuration is good: {upstreams} upstream{}.", if upstreams == 1 { "" } else { "s" });
    for note in config.notes() {
        println!("{note}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints even what cannot be used, so that one sees what it was put together to; checks it only if that is asked for.
fn print_config(options: Options, check: bool) -> Outcome {
    if check {
        options.clone().resolve().map_err(misuse)?;
    }
    print!("{}", options.with_absolute_paths().effective().and_then(|options| options.to_toml()).map_err(misuse)?);
    Ok(ExitCode::SUCCESS)
}

fn demo(mut options: Options) -> Outcome {
    let runtime = runtime()?;
    let mailbox =
        runtime.block_on(Demo::start()).map_err(|e| failure(format!("the demo mailbox cannot start: {e}")))?;
    let url = format!("demo=pop3s://localhost:{}", mailbox.address().port());
    let mut entry: UpstreamEntry = url.parse().map_err(failure)?;
    entry.label = Some("Demo mailbox".to_owned());
    entry.ca = Some(Ca::Pem(mailbox.ca_pem().to_owned()));
    options.upstream.retain(|known| known.name != entry.name);
    options.upstream.push(entry);
    let inherited = inherit(&mut options)?;
    let config = options.resolve().map_err(misuse)?;
    finish(
        runtime,
        run(config, inherited, |url| {
            println!("Poplar is ready. Open this page in a browser:\n\n  {url}\n");
            println!("and sign in to the demo mailbox as {} with the password {}.", demo::USER, demo::PASSWORD);
            println!(
                "One more message arrives in {} minutes: check for mail then.",
                demo::NEW_MAIL_AFTER.as_secs() / 60
            );
            println!("Nothing leaves this computer. Stop it with Ctrl-C.");
        }),
    )
}

fn check(target: &str, json: bool, options: Options) -> Outcome {
    let upstream = check::target(target, &options).map_err(|sentence| (MISUSE, sentence))?;
    let report = finish(runtime()?, check::check(&upstream));
    // Whoever reads only the beginning closes the pipe.
    let _ = match json {
        true => writeln!(std::io::stdout(), "{}", report.to_json()),
        // In colour where that is wanted: a terminal, NO_COLOR, CLICOLOR_FORCE.
        false => write!(anstream::stdout(), "{report}"),
    };
    Ok(ExitCode::from(report.exit_code()))
}

fn web(dir: &std::path::Path, relay: Option<&str>) -> ExitCode {
    match export::write(dir, relay) {
        Ok(files) => {
            println!("Wrote {files} files to {}", dir.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("poplar-relay: {} cannot be written: {error}", dir.display());
            ExitCode::FAILURE
        }
    }
}

/// Serves until told to stop. A second signal ends at once.
async fn run(config: Config, inherited: Inherited, welcome: impl FnOnce(&str)) -> Outcome {
    // Two sockets per tunnel: the usual 1024 files of a shell would end at 500 tunnels.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::debug!(%error, "the limit of open files cannot be raised");
    }
    let open_browser = config.open_browser;
    let mut signals = Signals::new().map_err(|e| failure(format!("signals cannot be handled: {e}")))?;
    let server = Server::bind(config, inherited).await.map_err(|e| failure(e.to_string()))?;
    let (url, renewal) = (server.url(), server.renewal());
    welcome(&url);
    if let Some(metrics) = server.admin_url() {
        tracing::info!(%metrics, "metrics are served");
    }
    if open_browser && let Err(error) = open::that_detached(&url) {
        tracing::warn!(%error, "no browser can be opened");
    }
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let mut serving = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    tokio::spawn(service::keep_watchdog_quiet());
    service::tell(News::Ready);
    while signals.next().await == Signal::Reload {
        service::tell(News::Reloading);
        renewal.now();
        service::tell(News::Ready);
    }
    service::tell(News::Stopping);
    let _ = stop.send(());
    loop {
        tokio::select! {
            _ = &mut serving => return Ok(ExitCode::SUCCESS),
            signal = signals.next() => if signal == Signal::Stop { return Ok(ExitCode::FAILURE) },
        }
    }
}

fn start_log(options: &Options) {
    let level = match options.log.unwrap_or(LogLevel::Info) {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
    };
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level).with_target(false);
    match options.log_format.unwrap_or(LogFormat::Human) {
        LogFormat::Human => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

fn runtime() -> Result<Runtime, (u8, String)> {
    Runtime::new().map_err(|e| failure(format!("the runtime cannot start: {e}")))
}

/// Runs a future to its end, and does not wait for what it left behind: a name that takes minutes to resolve, say.
fn finish<T>(runtime: Runtime, future: impl Future<Output = T>) -> T {
    let result = runtime.block_on(future);
    runtime.shutdown_background();
    result
}

fn misuse(error: impl ToString) -> (u8, String) {
    (MISUSE, error.to_string())
}

fn failure(sentence: impl Into<String>) -> (u8, String) {
    (1, sentence.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_password_in_an_address_is_not_repeated() {
        for address in ["demo=pop3s://stan:SeCrEt@host", "pop3s://stan:SeCrEt@host", "demo=pop3s://stan:SeC@rEt@host"] {
            let refused = Cli::try_parse_from(["poplar-relay", "serve", "--upstream", address]).err().unwrap();
            let said = discreet(refused).to_string();
            assert!(!said.contains("SeC") && !said.contains("rEt") && said.contains("--upstream"), "{said}");
        }
        let refused = Cli::try_parse_from(["poplar-relay", "serve", "--upstream", "demo=ftp://host"]).err().unwrap();
        assert!(discreet(refused).to_string().contains("'demo=ftp://host'"), "anything else is quoted");
    }

    #[test]
    fn no_level_that_prints_payloads_is_compiled_in() {
        assert!(log::STATIC_MAX_LEVEL <= log::LevelFilter::Debug);
        assert!(tracing::level_filters::STATIC_MAX_LEVEL <= tracing::level_filters::LevelFilter::DEBUG);
    }

    #[test]
    fn the_explanation_names_both_pages_and_no_guessed_host() {
        for page in ["pop3-smtp-settings-securemail", "what-are-the-pop3smtp-settings-for-direct"] {
            assert!(NO_UPSTREAM.contains(&format!("https://kb.datamotion.com/?ht_kb={page}")));
        }
        assert_eq!(NO_UPSTREAM.matches("pop3s://").count(), NO_UPSTREAM.matches("pop3s://HOST:995").count());
    }
}
