//! The bytes of the wire, as they are: an older or a newer peer reads and writes the same.

use super::*;

/// Asserts that a frame has these bytes behind its length, and that they are read as the frame.
#[track_caller]
fn check<T>(frame: &T, hex: &str)
where
    T: Encode<()> + for<'b> Decode<'b, ()> + PartialEq + std::fmt::Debug,
{
    let mut bytes = BytesMut::new();
    encode(frame, &mut bytes);
    let (length, body) = bytes.split_at(4);
    assert_eq!(length, (body.len() as u32).to_le_bytes());
    assert_eq!(body.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), hex, "{frame:?}");
    assert_eq!(decode::<T>(&mut bytes).unwrap().as_ref(), Some(frame));
}

/// Reads a frame as an older peer wrote it.
fn read<T: for<'b> Decode<'b, ()>>(body: &[u8]) -> T {
    let mut bytes = BytesMut::new();
    bytes.put_u32_le(body.len() as u32);
    bytes.put_slice(body);
    decode(&mut bytes).unwrap().unwrap()
}

const ANN: SessionId = SessionId(7);

#[test]
fn what_the_portal_says_has_these_bytes() {
    let line = Line { session: ANN, n: 2, line: "hi".into(), secret: true, give_up: false };
    let facts = Facts { protocol: "t".into(), ..Facts::default() };
    let live = LiveSession { session: ANN, note: vec![1], facts: facts.clone(), acked: 1, line: Some(line.clone()) };
    let hello = PortalHello { version: 1, epoch: 5, applied: 9, sessions: vec![live], safe: true };
    let facts_hex = "8a617460601850181801f5f4f4f4";
    let line_hex = "850702626869f5f4";
    check(&ToServer::Hello(hello), &format!("8200818501050981850741 01{facts_hex}01{line_hex}f5").replace(' ', ""));
    check(&ToServer::Opened { session: ANN, facts: facts.clone() }, &format!("82018207{facts_hex}"));
    check(&ToServer::Facts { session: ANN, facts }, &format!("82028207{facts_hex}"));
    check(&ToServer::Closed { session: ANN }, "82038107");
    check(&ToServer::Line(line), &format!("820481{line_hex}"));
    check(&ToServer::Applied { flush: 9 }, "82058109");
    check(&ToServer::Ping { tick: 3 }, "82068103");
    check(&ToServer::Stop, "820780");
    check(&ToServer::Ask { id: 1, what: "a".into(), json: "{}".into() }, "820883016161627b7d");
    check(&ToServer::ReloadFailed { why: "oh".into() }, "820981626f68");
}

#[test]
fn what_the_server_says_has_these_bytes() {
    check(&ToPortal::Hello(ServerHello { version: 1, world: "W".into() }), "82008182016157");
    check(&ToPortal::Ready { epoch: 5 }, "82018105");
    let origin = Some(Origin { session: ANN, n: 2 });
    let items = vec![
        Item::Text { to: vec![ANN], text: "a".into() },
        Item::Event { to: vec![ANN], name: "b".into(), data: "c".into() },
        Item::Prompt { to: ANN, text: "d".into() },
        Item::Secret { to: ANN, on: true },
        Item::Note { to: ANN, note: vec![1, 2] },
        Item::Close { to: ANN, reason: "e".into() },
        Item::Setting { to: ANN, name: "f".into(), value: "g".into() },
        Item::Reload,
        Item::Shutdown,
    ];
    let items_hex = "89820082810761618201838107616261638202820761648203820 7f5820482074201028205820761658206830761666167820780820880"
        .replace(' ', "");
    let frame = Frame { epoch: 5, flush: Some(9), groups: vec![Group { origin, items }] };
    check(&ToPortal::Frame(frame), &format!("8202818305098182820702{items_hex}"));
    check(&ToPortal::Pong { tick: 3, storage_away: true }, "82038203f5");
    check(&ToPortal::Answer { id: 1, json: "{}".into() }, "82048201627b7d");
    check(&ToPortal::Prepared, "820580");
}

#[test]
fn what_an_older_peer_does_not_say_has_its_default() {
    let hello = read::<ToServer>(&[0x82, 0, 0x81, 0x84, 1, 5, 9, 0x80]);
    let expected = PortalHello { version: 1, epoch: 5, applied: 9, sessions: Vec::new(), safe: false };
    assert_eq!(hello, ToServer::Hello(expected));
    assert_eq!(read::<ToPortal>(&[0x82, 3, 0x81, 3]), ToPortal::Pong { tick: 3, storage_away: false });
}

#[test]
fn what_a_newer_peer_says_is_read_without_what_is_new() {
    assert_eq!(read::<ToPortal>(&[0x82, 1, 0x83, 5, 6, 7]), ToPortal::Ready { epoch: 5 });
    let mut bytes = BytesMut::new();
    // A frame of an unknown kind, and one that is known.
    bytes.put_slice(&[5, 0, 0, 0, 0x82, 0x18, 99, 0x81, 1]);
    encode(&ToServer::Stop, &mut bytes);
    assert!(matches!(decode::<ToServer>(&mut bytes), Err(WireError::Malformed(_))));
    assert_eq!(decode::<ToServer>(&mut bytes).unwrap(), Some(ToServer::Stop));
}

#[test]
fn a_frame_that_is_not_all_there_is_waited_for() {
    let mut whole = BytesMut::new();
    encode(&ToServer::Ping { tick: 3 }, &mut whole);
    for length in 0..whole.len() {
        let mut part = BytesMut::from(&whole[..length]);
        assert_eq!(decode::<ToServer>(&mut part).unwrap(), None, "{length} bytes");
    }
    let mut long = BytesMut::from(&(MAX_FRAME_BYTES as u32 + 1).to_le_bytes()[..]);
    assert!(matches!(decode::<ToServer>(&mut long), Err(WireError::TooLong(_))));
}
