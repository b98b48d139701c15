//! A visitor: comes in, says a few words, and goes in one way or another. Each goodbye is followed by another hello.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::client::Client;
use super::player::{Door, Out, PATIENCE};
use super::scene::PASSWORD;
use super::stage::{Phase, Promise};

/// Longest pause between two lines.
const PAUSE_MS: u64 = 300;

/// Longest time without a connection: longer than characters wait for theirs.
const LOST: Duration = Duration::from_secs(2);

/// Letters of new names: none that are taken for another, alone or in a row.
const LETTERS: &[u8] = b"abcdefghjkpqrstuxyz";

/// How a visit ends.
#[derive(Debug, Clone, Copy)]
enum Goodbye {
    Quits,
    HangsUp,
    /// Another connection takes the character over.
    IsTakenOver,
}

/// Comes and goes until the run ends.
pub(super) async fn play(door: Door, name: String, number: u64) -> Result<(), Out> {
    let mut phase = door.stage.phase();
    let mut visitor = Visitor {
        dice: fastrand::Rng::with_seed(door.seed.wrapping_add(number).wrapping_mul(0x2545_f491_4f6c_dd1d)),
        door,
        name,
        number,
        said: 0,
        made: 0,
    };
    while *phase.borrow_and_update() < Phase::Play {
        if phase.changed().await.is_err() {
            return Err(Out);
        }
    }
    let mut taken_up: Option<Client> = None;
    while *phase.borrow_and_update() < Phase::Settle {
        taken_up = visitor.visit(taken_up).await?;
    }
    if let Some(pulse) = visitor.door.stage.pulse(&visitor.name) {
        pulse.did(Phase::End);
    }
    Ok(())
}

struct Visitor {
    door: Door,
    dice: fastrand::Rng,
    name: String,
    number: u64,
    said: u64,
    /// Accounts made.
    made: u64,
}

impl Visitor {
    /// Makes one visit, on a connection that is in already or a new one. Returns the connection that took over, if one did.
    async fn visit(&mut self, taken_up: Option<Client>) -> Result<Option<Client>, Out> {
        let mut client = match taken_up {
            Some(client) => client,
            None if self.dice.u8(0..4) == 0 => return self.make_account().await.map(|()| None),
            None => self.connect().await?,
        };
        for _ in 0..self.dice.u8(1..4) {
            self.say(&mut client).await?;
            sleep(Duration::from_millis(self.dice.u64(0..PAUSE_MS))).await;
        }
        let goodbyes = [Goodbye::Quits, Goodbye::HangsUp, Goodbye::IsTakenOver];
        match goodbyes[self.dice.usize(0..goodbyes.len())] {
            Goodbye::Quits => {
                self.send(&mut client, &["quit"]).await?;
                self.expect(&mut client, "Goodbye.").await?;
                self.closed(&mut client).await?;
                Ok(None)
            }
            Goodbye::HangsUp => {
                drop(client);
                // Now and then for so long that the character leaves the world.
                sleep(LOST.mul_f32(self.dice.f32())).await;
                Ok(None)
            }
            Goodbye::IsTakenOver => {
                let another = self.connect().await?;
                self.expect(&mut client, "Your character has been taken over by another connection.").await?;
                self.closed(&mut client).await?;
                Ok(Some(another))
            }
        }
    }

    /// Makes an account, looks who is there, and goes.
    async fn make_account(&mut self) -> Result<(), Out> {
        let name = self.new_name();
        let mut client = self.dial().await?;
        self.send(&mut client, &[&format!("create {name} {PASSWORD}"), "say hello", "who", "quit"]).await?;
        let welcome = format!("Welcome, {name}.");
        for expected in [&*welcome, "You say, \"hello\"", " in the world.", "Goodbye."] {
            self.expect(&mut client, expected).await?;
        }
        self.closed(&mut client).await
    }

    /// Returns a name that nobody has: three letters for the visitor, the seed and the turn.
    fn new_name(&mut self) -> String {
        let base = LETTERS.len() as u64;
        let mut rest = self.made * 8 + self.number % 8;
        self.made += 1;
        let mut name = String::from("Pilgrim");
        for _ in 0..4 {
            name.push(char::from(LETTERS[(rest % base) as usize]));
            rest /= base;
        }
        name
    }

    async fn dial(&self) -> Result<Client, Out> {
        Client::connect(self.door.address).await.map_err(|error| {
            let what = format!("cannot connect: {error}");
            self.door.stage.violated(Promise::Life, &self.name, what, Vec::new());
            Out
        })
    }

    async fn connect(&self) -> Result<Client, Out> {
        let mut client = self.dial().await?;
        self.send(&mut client, &[&format!("connect {} {PASSWORD}", self.name)]).await?;
        self.expect(&mut client, &format!("Welcome, {}.", self.name)).await?;
        Ok(client)
    }

    /// Says a numbered word and waits for its answer, which is the next of all such answers.
    async fn say(&mut self, client: &mut Client) -> Result<(), Out> {
        self.said += 1;
        let line = format!("say {}:{}", self.name, self.said);
        self.send(client, &[&line]).await?;
        let answer = format!("You say, \"{}:{}\"", self.name, self.said);
        let (_, before) = self.read_to(client, &answer).await?;
        if before.iter().any(|line| line.starts_with("You say, \"")) {
            self.violated(client, format!("other answers came before {answer:?}"));
        }
        Ok(())
    }

    async fn send(&self, client: &mut Client, lines: &[&str]) -> Result<(), Out> {
        if let Some(pulse) = self.door.stage.pulse(&self.name) {
            pulse.typed.fetch_add(1, Ordering::Relaxed);
        }
        client.send(lines).await.map_err(|error| {
            self.violated(client, format!("the socket was dropped: {error}"));
            Out
        })
    }

    async fn expect(&self, client: &mut Client, words: &str) -> Result<(), Out> {
        self.read_to(client, words).await.map(|_| ())
    }

    /// Reads up to a line with these words; returns it and the lines before.
    async fn read_to(&self, client: &mut Client, words: &str) -> Result<(String, Vec<String>), Out> {
        let mut before = Vec::new();
        let reading = async {
            while let Some(line) = client.next().await {
                if line.contains(words) {
                    return Some(line);
                }
                before.push(line);
            }
            None
        };
        match timeout(PATIENCE, reading).await {
            Ok(Some(line)) => {
                if let Some(pulse) = self.door.stage.pulse(&self.name) {
                    pulse.answered.store(pulse.typed.load(Ordering::Relaxed), Ordering::Relaxed);
                }
                Ok((line, before))
            }
            Ok(None) => {
                self.violated(client, format!("the socket was closed where {words:?} should have come"));
                Err(Out)
            }
            Err(_) => {
                self.violated(client, format!("{words:?} did not come within {} s", PATIENCE.as_secs()));
                Err(Out)
            }
        }
    }

    async fn closed(&self, client: &mut Client) -> Result<(), Out> {
        let reading = async { while client.next().await.is_some() {} };
        if timeout(PATIENCE, reading).await.is_err() {
            self.violated(client, "the socket was not closed behind the goodbye".to_owned());
            return Err(Out);
        }
        Ok(())
    }

    fn violated(&self, client: &Client, what: String) {
        self.door.stage.violated(Promise::Once, &self.name, what, client.transcript());
    }
}
