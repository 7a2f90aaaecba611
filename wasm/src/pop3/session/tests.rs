use super::*;
use crate::pop3::capabilities::Capabilities;
use crate::pop3::command::Secret;
use crate::pop3::reply::MAX_STATUS_LINE;

const TIMEOUT: Millis = 40_000;

/// Settings for a server that is known to take pipelining, or not to.
fn settings(pipelining: bool) -> Settings {
    let behaviour = Behaviour {
        capabilities: Some(Capabilities { pipelining, ..Capabilities::default() }),
        pipelining: pipelining.then_some(true),
        ..Behaviour::default()
    };
    Settings { timeout: TIMEOUT, behaviour, ..Settings::default() }
}

/// A session that was greeted.
fn greeted(settings: Settings) -> Session {
    let mut session = Session::new(settings, 0);
    session.receive(b"+OK ready\r\n", 0, |_| {}).unwrap();
    session
}

/// A session that was greeted and signed in.
fn signed_in(settings: Settings) -> Session {
    let mut session = greeted(settings);
    session.submit(Command::Pass(Secret::new("p")), 0).unwrap();
    assert_eq!(sent(&mut session), "PASS p\r\n");
    session.receive(b"+OK\r\n", 0, |_| {}).unwrap();
    session
}

fn submit(session: &mut Session, commands: impl IntoIterator<Item = Command>) {
    for command in commands {
        session.submit(command, 0).unwrap();
    }
}

fn sent(session: &mut Session) -> String {
    sent_at(session, 0)
}

fn sent_at(session: &mut Session, now: Millis) -> String {
    String::from_utf8(session.transmit(now)).unwrap()
}

/// What a session tells, as text, adjacent body pieces joined.
#[derive(Default, Debug, PartialEq, Eq)]
struct Heard(Vec<String>);

impl Heard {
    fn hear(&mut self, event: Event<'_>) {
        let out = &mut self.0;
        match event {
            Event::Body(ticket, slice) => {
                let (head, slice) = (format!("body {ticket} "), String::from_utf8_lossy(slice));
                match out.last_mut().filter(|last| last.starts_with(&head)) {
                    Some(last) => last.push_str(&slice),
                    None => out.push(head + &slice),
                }
            }
            Event::Greeting(status) => out.push(format!("greeting {}", status.text)),
            Event::Status { ticket, status, .. } => out.push(format!("status {ticket} {} {}", status.ok, status.text)),
            Event::End { ticket, certain } => out.push(format!("end {ticket}{}", if certain { "" } else { "?" })),
            Event::Resumed(ticket) => out.push(format!("resumed {ticket}")),
        }
    }

    fn receive(&mut self, session: &mut Session, bytes: &[u8], now: Millis) {
        if let Err(error) = session.receive(bytes, now, |event| self.hear(event)) {
            self.0.push(format!("error {}", error.code.as_str()));
        }
    }

    fn tick(&mut self, session: &mut Session, now: Millis) {
        if let Err(error) = session.tick(now, |event| self.hear(event)) {
            self.0.push(format!("error {}", error.code.as_str()));
        }
    }
}

fn events(session: &mut Session, pieces: &[&[u8]]) -> Vec<String> {
    let mut heard = Heard::default();
    for piece in pieces {
        heard.receive(session, piece, 0);
        if session.ended().is_some() {
            break;
        }
    }
    heard.0
}

#[test]
fn nothing_is_sent_before_the_greeting() {
    let mut session = Session::new(settings(false), 0);
    submit(&mut session, [Command::Stat]);
    assert_eq!(sent(&mut session), "");
    assert_eq!(events(&mut session, &[b"+OK hello\r\n"]), ["greeting hello"]);
    assert_eq!(sent(&mut session), "STAT\r\n");
}

#[test]
fn a_whole_dialogue_at_every_split() {
    let script: &[u8] =
        b"+OK 2 320\r\n+OK 2 messages\r\n1 120\r\n2 200\r\n.\r\n-ERR no\r\n+OK\r\n..x\r\n.y.\r\n\r\n.\r\n+OK bye\r\n";
    let run = |pieces: &[&[u8]]| {
        let mut session = greeted(settings(true));
        submit(&mut session, [Command::Stat, Command::List, Command::Retr(1), Command::Retr(2)]);
        assert_eq!(sent(&mut session), "STAT\r\nLIST\r\nRETR 1\r\nRETR 2\r\n");
        events(&mut session, pieces)
    };
    let whole = run(&[script]);
    assert_eq!(
        whole,
        [
            "status 1 true 2 320",
            "status 2 true 2 messages",
            "body 2 1 120\r\n2 200\r\n",
            "end 2",
            "status 3 false no",
            "status 4 true ",
            "body 4 .x\r\ny.\r\n\r\n",
            "end 4",
            "error protocol",
        ]
    );
    for at in 0..=script.len() {
        let (a, b) = script.split_at(at);
        assert_eq!(run(&[a, b]), whole, "split at {at}");
    }
    assert_eq!(run(&script.chunks(1).collect::<Vec<_>>()), whole);
}

#[test]
fn one_at_a_time_is_one_at_a_time() {
    let mut session = signed_in(settings(false));
    submit(&mut session, [Command::Noop, Command::Noop]);
    assert_eq!(sent(&mut session), "NOOP\r\n");
    assert_eq!(sent(&mut session), "");
    events(&mut session, &[b"+OK\r\n"]);
    assert_eq!(sent(&mut session), "NOOP\r\n");
}

#[test]
fn the_window_counts_commands_and_promised_octets() {
    let narrow = Settings { window: Window { commands: 3, octets: 100 }, ..settings(true) };
    let mut session = greeted(narrow);
    for n in 1..=5 {
        session.submit(Command::Retr(n), 40).unwrap();
    }
    assert_eq!(sent(&mut session), "RETR 1\r\nRETR 2\r\n");
    events(&mut session, &[b"+OK\r\n.\r\n"]);
    assert_eq!(sent(&mut session), "RETR 3\r\n");
    let mut session = greeted(narrow);
    session.submit(Command::Retr(1), 1_000).unwrap();
    session.submit(Command::Retr(2), 1).unwrap();
    assert_eq!(sent(&mut session), "RETR 1\r\n", "one is always let through");
    let mut session = greeted(narrow);
    submit(&mut session, [Command::Noop, Command::Noop, Command::Noop, Command::Noop]);
    assert_eq!(sent(&mut session), "NOOP\r\nNOOP\r\nNOOP\r\n");
}

#[test]
fn nothing_rides_behind_a_sign_in_or_quit() {
    let mut session = greeted(settings(true));
    submit(&mut session, [Command::User("u".into()), Command::Pass(Secret::new("p")), Command::Stat, Command::Quit]);
    for (line, answer) in [("USER u", "+OK\r\n"), ("PASS p", "+OK\r\n"), ("STAT", "+OK 0 0\r\n"), ("QUIT", "+OK\r\n")] {
        assert_eq!(sent(&mut session), format!("{line}\r\n"));
        events(&mut session, &[answer.as_bytes()]);
    }
    assert_eq!(session.submit(Command::Noop, 0).unwrap_err().code, Code::Closed);
}

#[test]
fn a_refused_user_is_sent_no_password() {
    let mut session = greeted(settings(true));
    submit(&mut session, [Command::User("u".into()), Command::Pass(Secret::new("p")), Command::Noop]);
    assert_eq!(sent(&mut session), "USER u\r\n");
    assert_eq!(events(&mut session, &[b"-ERR who\r\n"]), ["status 1 false who", "status 2 false who"]);
    assert_eq!(sent(&mut session), "NOOP\r\n");
}

#[test]
fn the_parts_of_a_sign_in_go_before_what_was_queued_behind_it() {
    let mut session = greeted(settings(true));
    submit(&mut session, [Command::Auth(crate::pop3::Mechanism::Login), Command::Stat]);
    assert_eq!(sent(&mut session), "AUTH LOGIN\r\n");
    assert_eq!(events(&mut session, &[b"+ VXNlcm5hbWU6\r\n"]), ["status 1 true VXNlcm5hbWU6"]);
    assert_eq!(sent(&mut session), "", "STAT would be taken for the user name");
    submit(&mut session, [Command::Response(Secret::new("YQ=="))]);
    assert_eq!(sent(&mut session), "YQ==\r\n");
    events(&mut session, &[b"+OK\r\n"]);
    assert_eq!(sent(&mut session), "STAT\r\n");
}

#[test]
fn silence_counts_only_while_a_reply_is_due() {
    let mut session = greeted(settings(false));
    assert_eq!(session.deadline(), None);
    submit(&mut session, [Command::Noop]);
    session.transmit(5_000);
    assert_eq!(session.deadline(), Some(5_000 + TIMEOUT));
    session.receive(b"+", 44_900, |_| {}).unwrap();
    assert!(session.tick(45_000, |_| {}).is_ok(), "progress is life");
    assert_eq!(session.tick(44_900 + TIMEOUT, |_| {}).unwrap_err().code, Code::Timeout);
    assert_eq!(session.submit(Command::Noop, 0).unwrap_err().code, Code::Timeout);
}

#[test]
fn a_session_that_nobody_uses_is_kept_alive_but_not_for_ever() {
    let mut session = signed_in(settings(false));
    let (mut now, mut noops) = (0, 0);
    while let Some(deadline) = session.deadline() {
        now = deadline;
        session.tick(now, |_| {}).unwrap();
        assert_eq!(sent_at(&mut session, now), "NOOP\r\n");
        assert_eq!(session.deadline(), Some(now + TIMEOUT), "its answer is due");
        session.receive(b"+OK\r\n", now, |event| unreachable!("nobody asked for {event:?}")).unwrap();
        noops += 1;
    }
    assert_eq!((now, noops), (14 * KEEP_ALIVE, 14), "ten minutes and a bit");
    submit(&mut session, [Command::Stat]);
    assert_eq!(sent_at(&mut session, now), "STAT\r\n");
    session.receive(b"+OK 0 0\r\n", now, |_| {}).unwrap();
    assert_eq!(session.deadline(), Some(now + KEEP_ALIVE), "used again");
}

#[test]
fn before_the_sign_in_nothing_is_kept_alive() {
    assert_eq!(greeted(settings(false)).deadline(), None);
}

#[test]
fn nonsense_in_answer_to_a_password_says_nothing_of_running_ahead() {
    let mut session = greeted(settings(true));
    submit(&mut session, [Command::Pass(Secret::new("p"))]);
    sent(&mut session);
    assert_eq!(session.receive(b"what?\r\n", 0, |_| {}).unwrap_err().code, Code::Protocol);
    assert_eq!(session.behaviour().pipelining, Some(true), "or the password would be sent again by itself");
}

#[test]
fn an_abandoned_session_takes_its_deletions_back() {
    let mut session = greeted(settings(false));
    assert!(session.farewell().is_empty());
    submit(&mut session, [Command::Dele(1)]);
    session.transmit(0);
    assert_eq!(session.farewell(), b"RSET\r\n");
    events(&mut session, &[b"+OK\r\n"]);
    submit(&mut session, [Command::Quit]);
    session.transmit(0);
    assert!(session.farewell().is_empty(), "QUIT is on its way: too late");
}

#[test]
fn what_is_no_pop3_ends_the_session() {
    let mut session = Session::new(settings(false), 0);
    assert_eq!(events(&mut session, &[b"HTTP/1.1 400 Bad Request\r\n"]), ["error protocol"]);
    let mut session = greeted(settings(false));
    assert_eq!(events(&mut session, &[&vec![b'+'; MAX_STATUS_LINE + 1]]), ["error protocol"]);
    let mut session = greeted(settings(false));
    assert_eq!(events(&mut session, &[b"-ERR idle too long\r\n"]), ["error closed"]);
    assert_eq!(session.ended().unwrap().server_text, "idle too long");
}

mod trial {
    use super::*;

    fn untried() -> Session {
        let mut session = signed_in(Settings { pipelining: Pipelining::Probe, ..settings(false) });
        submit(&mut session, [Command::Stat, Command::List]);
        session
    }

    #[test]
    fn two_noops_in_one_frame_show_that_queued_commands_are_answered() {
        let mut session = untried();
        assert_eq!(sent(&mut session), "NOOP\r\nNOOP\r\n");
        assert!(events(&mut session, &[b"+OK\r\n"]).is_empty());
        assert_eq!(sent(&mut session), "");
        assert!(events(&mut session, &[b"+OK\r\n"]).is_empty());
        assert_eq!(sent(&mut session), "STAT\r\nLIST\r\n");
        assert_eq!(session.behaviour().pipelining, Some(true));
    }

    #[test]
    fn it_travels_with_capa_and_is_not_made_for_one_command() {
        let mut session = signed_in(Settings { pipelining: Pipelining::Probe, ..settings(false) });
        submit(&mut session, [Command::Capa]);
        assert_eq!(sent(&mut session), "CAPA\r\n");
        events(&mut session, &[b"+OK\r\n.\r\n"]);
        submit(&mut session, [Command::Capa, Command::Stat]);
        assert_eq!(sent(&mut session), "CAPA\r\nNOOP\r\nNOOP\r\n");
        events(&mut session, &[b"+OK\r\n.\r\n-ERR one at a time\r\n-ERR one at a time\r\n"]);
        assert_eq!(session.behaviour().pipelining, Some(false), "behind CAPA both were queued");
        let mut session = greeted(Settings { pipelining: Pipelining::Probe, ..settings(false) });
        submit(&mut session, [Command::Stat, Command::List]);
        assert_eq!(sent(&mut session), "STAT\r\n", "before the sign-in NOOP is refused");
    }

    #[test]
    fn refused_queued_input_means_one_at_a_time() {
        let mut session = untried();
        sent(&mut session);
        events(&mut session, &[b"+OK\r\n-ERR too fast\r\n"]);
        assert_eq!(sent(&mut session), "STAT\r\n");
        assert_eq!(session.behaviour().pipelining, Some(false));
        // A server without NOOP refuses both, which is an answer to both.
        let mut session = untried();
        sent(&mut session);
        events(&mut session, &[b"-ERR what\r\n-ERR what\r\n"]);
        assert_eq!(session.behaviour().pipelining, Some(true));
    }

    #[test]
    fn thrown_away_queued_input_is_noticed_and_both_ends_are_in_step_again() {
        for answered in ["", "+OK\r\n"] {
            let mut session = untried();
            sent(&mut session);
            events(&mut session, &[answered.as_bytes()]);
            let at = session.deadline().unwrap();
            assert!(at < TIMEOUT / 2);
            session.tick(at, |_| {}).unwrap();
            assert_eq!(sent_at(&mut session, at), "STAT\r\n");
            assert!(events(&mut session, &[b"+OK 3 1000\r\n"]).is_empty());
            assert_eq!(session.behaviour().pipelining, Some(false));
            assert_eq!(sent(&mut session), "STAT\r\n");
            assert_eq!(events(&mut session, &[b"+OK 3 1000\r\n"]), ["status 2 true 3 1000"]);
        }
    }

    #[test]
    fn an_answer_that_was_only_late_is_told_from_the_one_to_stat() {
        let mut session = untried();
        sent(&mut session);
        events(&mut session, &[b"+OK\r\n"]);
        let at = session.deadline().unwrap();
        session.tick(at, |_| {}).unwrap();
        sent_at(&mut session, at);
        assert!(events(&mut session, &[b"+OK late\r\n", b"+OK 3 1000\r\n"]).is_empty());
        assert_eq!(session.behaviour().pipelining, Some(true));
        assert_eq!(sent(&mut session), "STAT\r\nLIST\r\n");
    }

    #[test]
    fn what_is_learnt_while_it_runs_counts_more() {
        for (says, known) in [(false, None), (true, Some(false))] {
            let mut session = signed_in(Settings { pipelining: Pipelining::Auto, ..settings(false) });
            session.learn(&|behaviour: &mut Behaviour| {
                behaviour.capabilities = Some(Capabilities { pipelining: true, ..Capabilities::default() });
            });
            submit(&mut session, [Command::Stat, Command::List]);
            assert_eq!(sent(&mut session), "NOOP\r\nNOOP\r\n");
            session.learn(&|behaviour: &mut Behaviour| {
                behaviour.capabilities = Some(Capabilities { pipelining: says, ..Capabilities::default() });
                behaviour.pipelining = known;
            });
            events(&mut session, &[b"+OK\r\n"]);
            let at = session.deadline().unwrap();
            session.tick(at, |_| {}).unwrap();
            assert_eq!(sent_at(&mut session, at), "STAT\r\n");
            assert!(events(&mut session, &[b"+OK late\r\n", b"+OK 3 1000\r\n"]).is_empty());
            assert_eq!(sent(&mut session), "STAT\r\n", "one at a time");
            assert_eq!(session.behaviour().pipelining, Some(known.is_none()));
        }
    }

    #[test]
    fn a_disconnect_is_remembered_and_an_abort_is_not() {
        let mut session = untried();
        sent(&mut session);
        session.end(Error::closed());
        assert_eq!(session.behaviour().pipelining, Some(false));
        let mut session = untried();
        sent(&mut session);
        session.end(Error::aborted());
        assert_eq!(session.behaviour().pipelining, None);
    }

    #[test]
    fn a_queue_that_is_never_answered_is_remembered() {
        let mut session = signed_in(settings(true));
        submit(&mut session, [Command::Retr(1), Command::Retr(2)]);
        sent(&mut session);
        session.receive(b"+OK\r\na\r\n.\r\n", 0, |_| {}).unwrap();
        assert_eq!(session.tick(TIMEOUT, |_| {}).unwrap_err().code, Code::Timeout);
        assert_eq!(session.behaviour().pipelining, Some(true), "the last one may be lost on the way");
        let mut session = signed_in(settings(true));
        submit(&mut session, [Command::Retr(1), Command::Retr(2), Command::Retr(3)]);
        sent(&mut session);
        session.receive(b"+OK\r\na\r\n.\r\n", 0, |_| {}).unwrap();
        session.tick(TIMEOUT, |_| {}).unwrap_err();
        assert_eq!(session.behaviour().pipelining, Some(false));
    }
}

mod ends {
    use super::*;

    /// A session with RETR 1 of `promised` octets in flight.
    fn retrieving(promised: u64) -> Session {
        let mut session = signed_in(settings(false));
        session.submit(Command::Retr(1), promised).unwrap();
        session.submit(Command::Retr(2), 3).unwrap();
        sent(&mut session);
        session
    }

    /// Plays `before`, waits, plays `after` in the given pieces, waits.
    fn stalled(before: &[u8], after: &[&[u8]]) -> (Vec<String>, Session) {
        let mut session = retrieving(100);
        let mut heard = Heard::default();
        heard.receive(&mut session, before, 0);
        let at = session.deadline().unwrap();
        heard.tick(&mut session, at);
        let noop = if at < TIMEOUT { "NOOP\r\n" } else { "" };
        assert_eq!(sent_at(&mut session, at), noop);
        for piece in after {
            heard.receive(&mut session, piece, at);
        }
        if let Some(at) = session.deadline().filter(|deadline| *deadline < at + TIMEOUT) {
            heard.tick(&mut session, at);
        }
        (heard.0, session)
    }

    #[test]
    fn an_end_without_lf_or_right_behind_the_text_is_found_by_a_noop() {
        for before in ["+OK\r\ntext\r\n.\r", "+OK\r\ntext\r\n.", "+OK\r\ntext.\r\n", "+OK\r\ntext.\n"] {
            let expected: &[&str] = match before {
                "+OK\r\ntext.\r\n" | "+OK\r\ntext.\n" => &["status 2 true ", "body 2 text", "end 2?"],
                _ => &["status 2 true ", "body 2 text\r\n", "end 2?"],
            };
            for after in [&[b"+OK\r\n".as_slice()][..], &[b"+".as_slice(), b"ok", b" alive\r", b"\n"]] {
                let (heard, mut session) = stalled(before.as_bytes(), after);
                assert_eq!(heard, expected, "{before:?}");
                assert!(session.behaviour().unterminated);
                assert_eq!(sent(&mut session), "RETR 2\r\n", "the session goes on");
                session.receive(b"+OK\r\nb.\r\n", 0, |_| {}).unwrap();
                assert_eq!(session.deadline(), Some(250), "from then on it is asked sooner");
            }
        }
    }

    #[test]
    fn a_body_that_was_only_slow_goes_on() {
        let (heard, mut session) = stalled(b"+OK\r\ntext.\r\n", &[b"+OK\r\n", b"more\r\n.\r\n+OK\r\n"]);
        assert_eq!(heard, ["status 2 true ", "body 2 text.\r\n+OK\r\nmore\r\n", "end 2"]);
        assert_eq!(sent(&mut session), "RETR 2\r\n", "the NOOP was answered too");
        let (heard, _) = stalled(b"+OK\r\ntext.\r\n", &[b"+OKAY then\r\n-", b"ERROR? no\r\n.\r\n+OK\r\n"]);
        assert_eq!(heard, ["status 2 true ", "body 2 text.\r\n+OKAY then\r\n-ERROR? no\r\n", "end 2"]);
        let (heard, _) = stalled(b"+OK\r\ntext.\r\n", &[b".\r\n+OK\r\n"]);
        assert_eq!(heard, ["status 2 true ", "body 2 text.\r\n", "end 2"]);
    }

    #[test]
    fn silence_inside_a_line_is_no_end() {
        let (heard, session) = stalled(b"+OK\r\ntext", &[]);
        assert_eq!(heard, ["status 2 true ", "body 2 text", "error timeout"]);
        assert!(!session.behaviour().unterminated);
    }

    #[test]
    fn a_lone_dot_of_the_messages_own_at_every_split() {
        let script = b"+OK\r\none\r\n.\r\n-- \r\n..two\r\n.\r\n-x\r\n.\r\n+OK\r\nb\r\n.\r\n";
        let expected = [
            "status 2 true ",
            "body 2 one\r\n",
            "end 2",
            "resumed 2",
            "body 2 .\r\n-- \r\n.two\r\n",
            "end 2?",
            "resumed 2",
            "body 2 .\r\n-x\r\n",
            "end 2?",
            "status 3 true ",
            "body 3 b\r\n",
            "end 3",
        ];
        let run = |pieces: &[&[u8]]| {
            let mut session = retrieving(100);
            let mut heard = Heard::default();
            for piece in pieces {
                heard.receive(&mut session, piece, 0);
                sent(&mut session);
            }
            heard.0
        };
        // The second RETR leaves as soon as the first seems to have ended, so its answer is in step in any case.
        for at in 0..=script.len() {
            let (a, b) = script.split_at(at);
            let mut session = retrieving(100);
            session.running = RunningAhead::Works;
            sent(&mut session);
            let mut heard = Heard::default();
            heard.receive(&mut session, a, 0);
            heard.receive(&mut session, b, 0);
            assert_eq!(heard.0, expected, "split at {at}");
        }
        assert_eq!(run(&script.chunks(1).collect::<Vec<_>>()), expected);
    }

    #[test]
    fn a_noop_opens_no_way_past_what_travels_alone() {
        let mut session = signed_in(settings(true));
        session.submit(Command::Retr(1), 100).unwrap();
        submit(&mut session, [Command::Utf8, Command::Stat]);
        assert_eq!(sent(&mut session), "RETR 1\r\n");
        events(&mut session, &[b"+OK\r\none\r\n.\r\n"]);
        assert_eq!(sent(&mut session), "UTF8\r\n");
        assert_eq!(events(&mut session, &[b"two.\r\n"]), ["resumed 2", "body 2 .\r\ntwo"]);
        let at = session.deadline().unwrap();
        session.tick(at, |_| {}).unwrap();
        assert_eq!(sent_at(&mut session, at), "NOOP\r\n");
    }

    #[test]
    fn what_follows_a_message_that_is_whole_is_no_part_of_it() {
        let mut session = retrieving(5);
        assert_eq!(
            events(&mut session, &[b"+OK\r\none\r\n.\r\ngarbage\r\n"]),
            ["status 2 true ", "body 2 one\r\n", "end 2", "error protocol"]
        );
    }

    #[test]
    fn a_resumed_message_that_never_ends_is_overdue() {
        let mut session = retrieving(100);
        session.waiting.clear();
        events(&mut session, &[b"+OK\r\none\r\n.\r\ntwo"]);
        assert_eq!(session.deadline(), Some(TIMEOUT));
    }
}
