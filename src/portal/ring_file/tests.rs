//! A ring file against the truth: what it says at any moment is what the portal knows.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::portal::door::Output;
use crate::portal::lines::InFlight;
use crate::portal::ring::RING_BYTES;

const ANN: SessionId = SessionId(1 << 32 | 1);
const BOB: SessionId = SessionId(1 << 32 | 2);

/// A portal's sessions, and what is recorded of them.
struct Portal {
    folder: TempDir,
    file: RingFile,
    truth: Revived,
}

/// Returns all of it in a few lines: texts by number, beginning and length.
fn summary(all: &Revived) -> String {
    let told = |delivery: &Delivery| match delivery {
        Delivery::Text { n, output } => format!("{n} {:.9} ({})", output.text, output.text.len()),
        Delivery::Event { n, event } => format!("{n} {} {}", event.name, event.data),
        other => format!("{other:?}"),
    };
    let session = |(id, it): (&SessionId, &RevivedSession)| {
        let RevivedSession { key, facts, note, progress, replay, delivered } = it;
        let Replay { ring, prompt, secret, settings } = replay;
        let ring: Vec<String> = ring.kept().map(told).chain([format!("dropped {}", ring.dropped())]).collect();
        format!(
            "{id} {} {} {note:?} {progress:?} {prompt:?} {secret} {settings:?} {delivered}\n  {}",
            key[0],
            facts.client,
            ring.join(", ")
        )
    };
    let sessions: Vec<String> = all.sessions.iter().map(session).collect();
    format!("epoch {}, flush {}\n{}", all.epoch, all.applied, sessions.join("\n"))
}

fn facts(client: &str) -> Facts {
    Facts { client: client.into(), ..Facts::default() }
}

impl Portal {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (file, truth) = RingFile::open_in(folder.path(), "boot");
        assert!(truth.sessions.is_empty());
        Self { folder, file, truth }
    }

    fn open(&mut self, id: SessionId, token: &str) {
        let session = RevivedSession {
            key: token_key(token),
            facts: facts(token),
            note: Vec::new(),
            progress: Progress::default(),
            replay: Replay::default(),
            delivered: 0,
        };
        self.file.session(&session.state(id));
        self.truth.sessions.insert(id, session);
    }

    fn with(&mut self, id: SessionId, change: impl FnOnce(&mut RevivedSession)) {
        change(self.truth.sessions.get_mut(&id).unwrap());
    }

    fn text(&mut self, to: &[SessionId], text: &str) {
        let output = Arc::new(Output::new(text.into()));
        for id in to {
            self.with(*id, |session| {
                session.delivered += 1;
                session.replay.remember(&Delivery::Text { n: session.delivered, output: output.clone() });
            });
        }
        self.file.text(to.to_vec(), text);
    }

    fn unnumbered(&mut self, to: SessionId, delivery: Delivery) {
        self.with(to, |session| session.replay.remember(&delivery));
        self.file.unnumbered(to, &delivery);
    }

    fn sent(&mut self, id: SessionId, client: u64) {
        self.with(id, |session| session.progress.flight = Some(InFlight { client: Some(client) }));
        self.file.sent(id, Some(client));
    }

    fn acked(&mut self, id: SessionId, n: u64, client: u64) {
        self.with(id, |session| {
            session.progress = Progress { acked: n, acked_by_client: client, flight: None };
        });
        self.file.acked(id, n);
    }

    fn applied(&mut self, flush: u64) {
        (self.truth.epoch, self.truth.applied) = (3, flush);
        self.file.applied(3, flush);
    }

    fn ended(&mut self, id: SessionId) {
        self.truth.sessions.remove(&id);
        self.file.ended(id);
    }

    /// The end of a turn.
    fn write(&mut self) {
        self.file.write();
        self.carry();
    }

    fn carry(&mut self) {
        while let Some(id) = self.file.next_to_carry() {
            if let Some(session) = self.truth.sessions.get(&id) {
                self.file.carried(&session.state(id));
            }
        }
    }

    fn turn_over(&mut self) {
        let sessions = self.truth.sessions.iter().map(|(id, session)| (*id, session.replay.ring.bytes()));
        self.file.turn_over(sessions);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the next portal would read now.
    fn recorded(&self) -> Revived {
        read(self.folder.path(), "boot").unwrap().1
    }

    #[track_caller]
    fn check(&self) {
        assert_eq!(summary(&self.recorded()), summary(&self.truth));
    }

    /// A bit of everything.
    fn play(&mut self) {
        self.open(ANN, "anns token");
        self.open(BOB, "bobs token");
        self.write();
        self.check();
        self.sent(ANN, 10);
        self.write();
        self.check();
        self.text(&[ANN, BOB], "Ann waves.");
        self.acked(ANN, 1, 10);
        self.unnumbered(ANN, Delivery::Prompt(">".into()));
        self.unnumbered(BOB, Delivery::Secret(true));
        self.unnumbered(BOB, Delivery::Setting { name: "color".into(), value: "none".into() });
        self.with(BOB, |bob| bob.note = vec![1, 2, 3]);
        self.file.note(BOB, &[1, 2, 3]);
        self.applied(7);
        self.sent(ANN, 20);
        self.write();
        self.check();
    }
}

#[test]
fn what_is_recorded_is_what_the_next_portal_knows() {
    let mut portal = Portal::new();
    portal.play();
    portal.file.event(vec![BOB], "Room.Info", "{}");
    portal.ended(ANN);
    portal.write();
    let recorded = portal.recorded();
    assert_eq!(recorded.sessions.keys().collect::<Vec<_>>(), [&BOB]);
    assert_eq!(recorded.sessions[&BOB].delivered, 2);
}

#[test]
fn the_next_portal_begins_with_all_of_it() {
    let mut portal = Portal::new();
    portal.play();
    for _ in 0..3 {
        let (file, revived) = RingFile::open_in(portal.folder.path(), "boot");
        assert_eq!(summary(&revived), summary(&portal.truth));
        portal.file = file;
        portal.check();
        portal.text(&[ANN], "Still here.");
        portal.write();
    }
    portal.check();
}

#[test]
fn a_portal_that_dies_while_it_writes_has_written_nothing_of_that_turn() {
    let mut portal = Portal::new();
    portal.play();
    let before = summary(&portal.truth);
    let whole = fs::read(portal.path(RING_FILE)).unwrap().len();
    portal.text(&[ANN, BOB], "Bob bows.");
    portal.text(&[BOB], "You bow.");
    portal.acked(ANN, 2, 20);
    portal.write();
    portal.check();
    let written = fs::read(portal.path(RING_FILE)).unwrap();
    for length in whole..written.len() {
        fs::write(portal.path(RING_FILE), &written[..length]).unwrap();
        assert_eq!(summary(&portal.recorded()), before, "{length} bytes of {}", written.len());
    }
}

#[test]
fn the_file_stays_small_and_loses_nothing_while_it_does() {
    let mut portal = Portal::new();
    portal.play();
    // One who hears nothing for a long time, and one who comes and goes.
    let (quiet, brief) = (SessionId(1 << 32 | 3), SessionId(1 << 32 | 4));
    portal.open(quiet, "quiet");
    portal.text(&[quiet], "Hush.");
    let mut largest = 0;
    for turn in 0..4000 {
        let text = format!("{turn} {}", "x".repeat(5000));
        portal.text(&[ANN, BOB], &text);
        match turn % 100 {
            0 => portal.open(brief, &format!("brief {turn}")),
            50 => portal.ended(brief),
            _ => {}
        }
        portal.file.write();
        if turn % 10 == 0 {
            portal.turn_over();
            portal.carry();
        }
        if turn % 97 == 0 {
            portal.check();
        }
        let size = |name| fs::metadata(portal.path(name)).map_or(0, |file| file.len());
        largest = largest.max(size(RING_FILE) + size(OLD_FILE));
        portal.carry();
    }
    portal.check();
    assert!(!portal.path(OLD_FILE).exists());
    let rings = 2 * RING_BYTES as u64;
    assert!(largest < 2 * FILE_BYTES + 4 * rings, "{largest} bytes");
}

#[test]
fn a_portal_may_die_at_any_step_from_one_file_to_the_next() {
    let mut portal = Portal::new();
    portal.play();
    for n in 5..40 {
        let id = SessionId(1 << 32 | n);
        portal.open(id, &format!("token {n}"));
        (0..20).for_each(|_| portal.text(&[id], &"x".repeat(3000)));
        portal.write();
    }
    while portal.file.written < FILE_BYTES + 6 * RING_BYTES as u64 * 40 {
        portal.text(&[ANN], &"y".repeat(60_000));
        portal.write();
    }
    portal.turn_over();
    assert!(portal.path(OLD_FILE).exists());
    portal.check();
    // What happens to those that are not carried over yet is not lost either.
    let last = SessionId(1 << 32 | 39);
    portal.text(&[last, BOB], "Boo!");
    portal.file.write();
    portal.check();
    while let Some(id) = portal.file.next_to_carry() {
        portal.check();
        let session = &portal.truth.sessions[&id];
        portal.file.carried(&session.state(id));
        portal.file.credit = u64::MAX;
        portal.check();
    }
    assert!(!portal.path(OLD_FILE).exists());
    portal.check();
    // The new one has a name and no head yet.
    fs::rename(portal.path(RING_FILE), portal.path(OLD_FILE)).unwrap();
    portal.check();
    fs::write(portal.path(RING_FILE), [9, 0]).unwrap();
    portal.check();
}

#[test]
fn an_older_file_than_the_one_before_is_passed_over() {
    let mut portal = Portal::new();
    portal.play();
    fs::copy(portal.path(RING_FILE), portal.path(OLD_FILE)).unwrap();
    portal.ended(ANN);
    portal.write();
    portal.check();
}

#[test]
fn what_a_machine_without_power_left_is_not_used() {
    let mut portal = Portal::new();
    portal.play();
    assert!(read(portal.folder.path(), "another boot").unwrap().1.sessions.is_empty());
    let (_, revived) = RingFile::open_in(portal.folder.path(), "another boot");
    assert!(revived.sessions.is_empty());
}

#[test]
fn the_file_does_not_hold_the_token_and_only_its_owner_reads_it() {
    let mut portal = Portal::new();
    portal.open(ANN, "anns token");
    portal.with(ANN, |ann| ann.facts = facts("Firefox"));
    let state = portal.truth.sessions[&ANN].state(ANN);
    portal.file.frame.clear();
    portal.file.session(&state);
    portal.file.write();
    let bytes = fs::read(portal.path(RING_FILE)).unwrap();
    let holds = |wanted: &[u8]| bytes.windows(wanted.len()).any(|window| window == wanted);
    assert!(holds(&token_key("anns token")) && holds(b"Firefox") && !holds(b"anns token"));
    assert_eq!(fs::metadata(portal.path(RING_FILE)).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_that_cannot_be_written_is_no_reason_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let (mut file, _) = RingFile::open_in(&missing, "boot");
    file.text(vec![ANN], "hello");
    file.write();
    assert_eq!(file.next_to_carry(), None);
    file.failed_at = Some(Instant::now() - RETRY);
    fs::create_dir(&missing).unwrap();
    let session = RevivedSession {
        key: token_key("a"),
        facts: facts("a"),
        note: Vec::new(),
        progress: Progress::default(),
        replay: Replay::default(),
        delivered: 4,
    };
    file.turn_over([(ANN, 0)].into_iter());
    assert_eq!(file.next_to_carry(), Some(ANN));
    file.carried(&session.state(ANN));
    assert_eq!(read(&missing, "boot").unwrap().1.sessions[&ANN].delivered, 4);
}

#[test]
fn what_is_forgotten_is_gone() {
    let mut portal = Portal::new();
    portal.play();
    forget(portal.folder.path()).unwrap();
    forget(portal.folder.path()).unwrap();
    assert!(portal.recorded().sessions.is_empty());
}
