//! The frames of a WebSocket (RFC 6455) from a server's side: messages in, messages out, every one of limited size.

use std::io::{self, ErrorKind};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Largest message of a client; kubectl sends at most half of it.
const LARGEST: usize = 64 * 1024;

/// Largest message to a client.
const PIECE: usize = 16 * 1024;

/// Largest content of a control frame.
const CONTROL: usize = 125;

/// What every key is joined with before its digest is taken.
const JOINED: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The end of a session as it should be, and that of a client who breaks the rules.
const NORMAL: u16 = 1000;
const PROTOCOL: u16 = 1002;

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A whole message.
    Data(Vec<u8>),
    /// It wants to know whether anybody is there.
    Ping(Vec<u8>),
    /// It has ended the session.
    Close,
}

/// The answer to the key of a handshake; nothing when it is none.
pub fn accept(key: &str) -> Option<String> {
    let known = STANDARD.decode(key).ok()?;
    if known.len() != 16 {
        return None;
    }
    let joined = [key, JOINED].concat();
    Some(STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, joined.as_bytes())))
}

/// Reads the next message; one that is too large, unmasked or out of order is an error.
///
/// # Errors
/// The client has gone or breaks the rules.
pub async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Message> {
    let mut whole = None::<Vec<u8>>;
    loop {
        let head = [from.read_u8().await?, from.read_u8().await?];
        let [first, second] = head;
        let (last, code) = (first & 0x80 != 0, first & 0x0f);
        if first & 0x70 != 0 || second & 0x80 == 0 {
            return Err(broken("a reserved bit, or a frame without a mask"));
        }
        let content = content(from, second & 0x7f).await?;
        match (code, &mut whole) {
            (0, Some(so_far)) => so_far.extend(content),
            (1 | 2, None) => whole = Some(content),
            (8.., _) if !last || content.len() > CONTROL => {
                return Err(broken("a control frame in pieces"));
            }
            (8, _) => return Ok(Message::Close),
            (9, None) => return Ok(Message::Ping(content)),
            // Between the pieces of a message nobody is answered: there is nothing that waits for it.
            (9 | 10, _) => continue,
            _ => return Err(broken("a frame out of order")),
        }
        let size = whole.as_ref().map_or(0, Vec::len);
        if size > LARGEST {
            return Err(broken("a message that is too large"));
        }
        if last && let Some(whole) = whole.take() {
            return Ok(Message::Data(whole));
        }
    }
}

async fn content(from: &mut (impl AsyncRead + Unpin), short: u8) -> io::Result<Vec<u8>> {
    let size = match short {
        126 => u64::from(from.read_u16().await?),
        127 => from.read_u64().await?,
        short => u64::from(short),
    };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size > LARGEST {
        return Err(broken("a frame that is too large"));
    }
    let mut mask = [0; 4];
    from.read_exact(&mut mask).await?;
    let mut content = vec![0; size];
    from.read_exact(&mut content).await?;
    for (byte, mask) in content.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    Ok(content)
}

fn broken(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what.to_owned())
}

/// Sends a text on a channel, in pieces.
///
/// # Errors
/// The client has gone.
pub async fn say(
    to: &mut (impl AsyncWrite + Unpin),
    channel: u8,
    content: &[u8],
) -> io::Result<()> {
    for piece in content.chunks(PIECE) {
        frame(to, 2, &[&[channel], piece].concat()).await?;
    }
    Ok(())
}

/// Answers a ping.
///
/// # Errors
/// The client has gone.
pub async fn pong(to: &mut (impl AsyncWrite + Unpin), content: &[u8]) -> io::Result<()> {
    frame(to, 10, content).await
}

/// Ends the session, in good order or because the client broke the rules.
///
/// # Errors
/// The client has gone.
pub async fn close(to: &mut (impl AsyncWrite + Unpin), wrong: bool) -> io::Result<()> {
    let code = if wrong { PROTOCOL } else { NORMAL };
    frame(to, 8, &code.to_be_bytes()).await?;
    to.flush().await
}

async fn frame(to: &mut (impl AsyncWrite + Unpin), code: u8, content: &[u8]) -> io::Result<()> {
    let mut head = vec![0x80 | code];
    match (u8::try_from(content.len()), u16::try_from(content.len())) {
        (Ok(size), _) if usize::from(size) <= CONTROL => head.push(size),
        (_, Ok(size)) => {
            head.push(126);
            head.extend(size.to_be_bytes());
        }
        // No piece is as large.
        _ => return Err(broken("a piece that is too large")),
    }
    head.extend_from_slice(content);
    to.write_all(&head).await?;
    to.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_answered_as_the_standard_shows() {
        let answer = accept("dGhlIHNhbXBsZSBub25jZQ==").unwrap();
        assert_eq!(answer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(accept("short"), None);
    }

    fn masked(first: u8, content: &[u8]) -> Vec<u8> {
        let size = u8::try_from(content.len()).unwrap();
        let mask = [1, 2, 3, 4];
        let hidden = content.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b);
        [first, 0x80 | size]
            .into_iter()
            .chain(mask)
            .chain(hidden)
            .collect()
    }

    #[tokio::test]
    async fn messages_come_in_pieces_with_pings_between_them() {
        let bytes = [
            masked(0x02, b"\0ab"),
            masked(0x89, b"there?"),
            masked(0x80, b"cd"),
            masked(0x89, b"still?"),
            masked(0x88, b""),
        ]
        .concat();
        let mut from = bytes.as_slice();
        assert_eq!(
            read(&mut from).await.unwrap(),
            Message::Data(b"\0abcd".to_vec())
        );
        assert_eq!(
            read(&mut from).await.unwrap(),
            Message::Ping(b"still?".to_vec())
        );
        assert_eq!(read(&mut from).await.unwrap(), Message::Close);
    }

    #[tokio::test]
    async fn whoever_breaks_the_rules_is_not_read_on() {
        let large = [&[0x82, 0xff][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
        let endless = [
            masked(0x02, &[0; 100]),
            masked(0x00, &[0; 100]).repeat(1000),
        ]
        .concat();
        for bytes in [
            vec![0x82, 0x01, b'a'],
            masked(0xf2, b"a"),
            masked(0x80, b"a"),
            masked(0x83, b"a"),
            [masked(0x02, b"a"), masked(0x02, b"b")].concat(),
            masked(0x09, b"a"),
            large,
            endless,
        ] {
            let error = read(&mut bytes.as_slice()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{bytes:?}");
        }
    }
}
