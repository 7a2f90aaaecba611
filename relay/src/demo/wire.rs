//! A connection: lines off the wire, replies onto it.

use std::io::{Error, ErrorKind, Result};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, BufWriter};
use tokio::time::timeout;

use super::maildrop::Maildrop;
use super::session::{Body, GREETING, Reply, Session};

/// Longest silence from the client, and longest stall of a reply it does not read: "at least 10 minutes" (RFC 1939 §3).
const IDLE: Duration = Duration::from_secs(600);

/// Longest command line, CRLF included (RFC 2449 §4).
const LINE: usize = 255;

/// Octets written at once: one TLS record.
const RECORD: usize = 16 * 1024;

/// Talks POP3 until QUIT, the end of the connection or [`IDLE`]. Without QUIT nothing is deleted.
pub(super) async fn talk(stream: impl AsyncRead + AsyncWrite, maildrop: Maildrop) -> Result<()> {
    let (reader, writer) = tokio::io::split(stream);
    let mut reader = BufReader::new(reader);
    let mut writer = Patient(BufWriter::with_capacity(RECORD, writer));
    let mut session = Session::new(maildrop);

    writer.write(GREETING.as_bytes()).await?;
    writer.write(b"\r\n").await?;
    writer.flush().await?;
    while !session.ended() {
        let reply = match timeout(IDLE, read_line(&mut reader)).await.map_err(|_| stalled())?? {
            Line::End => return Ok(()),
            Line::TooLong => Reply { status: "-ERR line too long".into(), body: Body::None },
            Line::Command(line) => session.answer(&line, now()),
        };
        send(&mut writer, reply).await?;
        // Replies to pipelined commands go out together (RFC 2449 §6.6).
        if session.ended() || !reader.buffer().contains(&b'\n') {
            writer.flush().await?;
        }
    }
    writer.0.shutdown().await
}

enum Line {
    /// A command, without its line end.
    Command(Vec<u8>),
    /// A line over [`LINE`], read past and not kept.
    TooLong,
    /// The client is gone.
    End,
}

async fn read_line(reader: &mut (impl AsyncBufRead + Unpin)) -> Result<Line> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            return Ok(Line::End);
        }
        let (part, ended) = match available.iter().position(|byte| *byte == b'\n') {
            Some(end) => (available.get(..=end).unwrap_or(available), true),
            None => (available, false),
        };
        too_long |= line.len() + part.len() > LINE;
        if !too_long {
            line.extend_from_slice(part);
        }
        let read = part.len();
        reader.consume(read);
        if ended {
            break;
        }
    }
    if too_long {
        return Ok(Line::TooLong);
    }
    let command = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).unwrap_or(&line);
    Ok(Line::Command(command.to_vec()))
}

async fn send<W: AsyncWrite + Unpin>(writer: &mut Patient<W>, reply: Reply) -> Result<()> {
    writer.write(reply.status.as_bytes()).await?;
    writer.write(b"\r\n").await?;
    match reply.body {
        Body::None => return Ok(()),
        Body::Lines(lines) => writer.write(lines.as_bytes()).await?,
        Body::Message(message, lines) => {
            for part in stuffed(top(&message.bytes, lines)) {
                writer.write(part).await?;
            }
        }
    }
    writer.write(b".\r\n").await
}

/// The header and the first `lines` lines of the body; all of it where no number is given.
fn top(message: &[u8], lines: Option<usize>) -> &[u8] {
    let Some(lines) = lines else { return message };
    let header = message.windows(4).position(|window| window == b"\r\n\r\n").map_or(message.len(), |at| at + 4);
    let body = message.get(header..).unwrap_or_default().split_inclusive(|byte| *byte == b'\n');
    let body: usize = body.take(lines).map(<[u8]>::len).sum();
    message.get(..header + body).unwrap_or(message)
}

/// The pieces of a message with every line that begins with a dot given a second one (RFC 1939 §3).
fn stuffed(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    message.split_inclusive(|byte| *byte == b'\n').flat_map(|line| {
        let dot: &[u8] = if line.starts_with(b".") { b"." } else { b"" };
        [dot, line]
    })
}

/// A writer that waits [`IDLE`] for a client that does not read, and no longer.
struct Patient<W>(BufWriter<W>);

impl<W: AsyncWrite + Unpin> Patient<W> {
    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        timeout(IDLE, self.0.write_all(bytes)).await.map_err(|_| stalled())?
    }

    async fn flush(&mut self) -> Result<()> {
        timeout(IDLE, self.0.flush()).await.map_err(|_| stalled())?
    }
}

fn stalled() -> Error {
    Error::new(ErrorKind::TimedOut, "the client was silent for ten minutes")
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::super::maildrop::Message;
    use super::*;

    fn joined(parts: impl Iterator<Item = impl AsRef<[u8]>>) -> Vec<u8> {
        parts.flat_map(|part| part.as_ref().to_vec()).collect()
    }

    /// Sends everything at once, then reads to the end of the connection.
    async fn transcript(messages: &[&str], commands: &str) -> String {
        let messages = messages.iter().enumerate().map(|(index, text)| Message {
            uid: format!("{index}N"),
            bytes: text.as_bytes().to_vec(),
            arrives: 0,
        });
        // A window of 64 octets: replies must wait for the reader, and commands for replies.
        let (client, server) = tokio::io::duplex(64);
        let server = tokio::spawn(talk(server, Maildrop::new(messages.collect())));
        let (mut reader, mut writer) = tokio::io::split(client);
        let commands = commands.to_owned();
        let writing = tokio::spawn(async move {
            // The server may be gone before all is said.
            let _ = writer.write_all(commands.as_bytes()).await;
            let _ = writer.shutdown().await;
        });
        let mut replies = String::new();
        reader.read_to_string(&mut replies).await.unwrap();
        writing.await.unwrap();
        server.await.unwrap().unwrap();
        replies
    }

    #[test]
    fn dots_at_the_start_of_lines_are_doubled_and_no_others() {
        let message = b".\r\n..a\r\nb.\r\n\r\n.c";
        assert_eq!(joined(stuffed(message)), b"..\r\n...a\r\nb.\r\n\r\n..c");
    }

    #[test]
    fn top_gives_the_header_its_empty_line_and_so_many_lines() {
        let message = b"A: b\r\n c\r\n\r\none\r\n\r\nthree\r\n";
        for (lines, expected) in [
            (Some(0), &message[..12]),
            (Some(1), &message[..17]),
            (Some(2), &message[..19]),
            (Some(99), &message[..]),
            (None, &message[..]),
        ] {
            assert_eq!(top(message, lines), expected, "{lines:?}");
        }
        assert_eq!(top(b"A: b\r\n", Some(1)), b"A: b\r\n", "a message without a body");
    }

    #[tokio::test]
    async fn pipelined_commands_are_answered_in_order_and_bodies_are_stuffed() {
        let replies = transcript(
            &["A: b\r\n\r\n.\r\nend\r\n"],
            "USER demo\r\nPASS demo\r\nRETR 1\r\nTOP 1 1\r\nNOOP\r\nUIDL\r\nQUIT\r\n",
        )
        .await;
        let expected = "+OK Poplar demo mailbox ready\r\n+OK Please enter a password\r\n+OK valid logon\r\n\
            +OK 16 octets follow.\r\nA: b\r\n\r\n..\r\nend\r\n.\r\n\
            +OK\r\nA: b\r\n\r\n..\r\n.\r\n\
            +OK\r\n+OK 1 message\r\n1 0N\r\n.\r\n+OK Bye-bye.\r\n";
        assert_eq!(replies, expected);
    }

    #[tokio::test]
    async fn a_line_too_long_is_refused_and_the_next_is_answered() {
        let fits = format!("USER {}", "x".repeat(LINE - "USER \r\n".len()));
        let commands = format!("{fits}\r\n{fits}x\r\n{}\r\nNOOP\nQUIT\r\n", "y".repeat(100_000));
        let replies = transcript(&[], &commands).await;
        let lines: Vec<_> = replies.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "+OK Please enter a password",
                "-ERR line too long",
                "-ERR line too long",
                "-ERR sign in first",
                "+OK Bye-bye."
            ]
        );
    }

    #[tokio::test]
    async fn a_connection_that_ends_in_mid_line_is_no_command() {
        let replies = transcript(&["A: b\r\n\r\n"], "USER demo\r\nPASS demo\r\nDELE 1\r\nQUIT").await;
        assert!(replies.ends_with("+OK message deleted\r\n"), "{replies}");
    }
}
