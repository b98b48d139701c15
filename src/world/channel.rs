//! Channels: who listens, what was said, and the index of all channels that commands look names up in.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::ids::{AccountId, ChannelId, SessionId};
use crate::text;
use crate::text::Markup;
use crate::world::record::{ChannelMessage, ChannelRecord};

/// Messages a channel keeps at hand; older ones are read from storage.
pub const RECENT_MESSAGES: usize = 200;

/// All channels by name and alias. Small, read with each unknown word, replaced as a whole when one is made.
#[derive(Debug, Clone, Default)]
pub struct ChannelIndex {
    channels: Vec<ChannelRecord>,
}

impl ChannelIndex {
    /// Returns an index of these channels.
    pub fn new(channels: Vec<ChannelRecord>) -> Self {
        Self { channels }
    }

    /// Returns the channel of that name or alias, in lower case.
    pub fn find(&self, folded: &str) -> Option<&ChannelRecord> {
        self.channels.iter().find(|channel| channel.folded == folded || channel.aliases.iter().any(|a| a == folded))
    }

    /// Returns the channel of that id.
    pub fn get(&self, id: ChannelId) -> Option<&ChannelRecord> {
        self.channels.iter().find(|channel| channel.id == id)
    }

    /// Returns all, in order of creation.
    pub fn iter(&self) -> impl Iterator<Item = &ChannelRecord> {
        self.channels.iter()
    }
}

/// Somebody who listens and is connected.
#[derive(Debug, Clone, PartialEq)]
pub struct Listener {
    /// Where they hear it.
    pub session: SessionId,
    /// Whom they do not want to hear.
    pub ignores: Vec<AccountId>,
    /// They want events beside text.
    pub events: bool,
}

/// A channel's state: who listens, and the last messages.
#[derive(Debug)]
pub struct Channel {
    /// Its row; `last_message` is the number of the last message.
    pub record: ChannelRecord,
    subscribers: FxHashSet<AccountId>,
    online: FxHashMap<AccountId, Listener>,
    recent: VecDeque<ChannelMessage>,
}

impl Channel {
    /// Returns a channel with its subscribers; nobody is connected yet.
    pub fn new(record: ChannelRecord, subscribers: impl IntoIterator<Item = AccountId>) -> Self {
        Self {
            record,
            subscribers: subscribers.into_iter().collect(),
            online: FxHashMap::default(),
            recent: VecDeque::new(),
        }
    }

    /// Starts or stops listening. Returns false if that changes nothing.
    pub fn subscribe(&mut self, account: AccountId, listens: bool) -> bool {
        if listens { self.subscribers.insert(account) } else { self.subscribers.remove(&account) }
    }

    /// Tells whether an account listens.
    pub fn has(&self, account: AccountId) -> bool {
        self.subscribers.contains(&account)
    }

    /// Takes note of where an account hears what is said; `None` when it has left.
    pub fn connect(&mut self, account: AccountId, listener: Option<Listener>) {
        match listener {
            Some(listener) => drop(self.online.insert(account, listener)),
            None => drop(self.online.remove(&account)),
        }
    }

    /// Returns the next message, with its number; it is said when it is [kept](Channel::keep).
    pub fn next_message(&self, account: Option<AccountId>, speaker: &str, text: String, now_ms: i64) -> ChannelMessage {
        let (channel, n) = (self.record.id, self.record.last_message + 1);
        ChannelMessage { channel, n, at: now_ms, account, speaker: speaker.to_owned(), text }
    }

    /// Keeps a message at hand. The next one gets another number.
    pub fn keep(&mut self, message: ChannelMessage) {
        self.record.last_message = message.n;
        if self.recent.len() == RECENT_MESSAGES {
            self.recent.pop_front();
        }
        self.recent.push_back(message);
    }

    /// Returns the sessions that hear a message, and among them those that want it as an event too.
    pub fn audience(&self, speaker: Option<AccountId>) -> (Vec<SessionId>, Vec<SessionId>) {
        let (mut all, mut events) = (Vec::with_capacity(self.online.len()), Vec::new());
        for (account, listener) in &self.online {
            let is_ignored = speaker.is_some_and(|speaker| listener.ignores.contains(&speaker));
            if self.subscribers.contains(account) && !is_ignored {
                all.push(listener.session);
                if listener.events {
                    events.push(listener.session);
                }
            }
        }
        // The order of a hash map must not reach anybody.
        all.sort_unstable();
        events.sort_unstable();
        (all, events)
    }

    /// Returns the messages after `since`, else the last `last`, if all of them are at hand.
    pub fn recent(&self, since: Option<u64>, last: u32) -> Option<Vec<ChannelMessage>> {
        let newest = self.record.last_message;
        let after = since.unwrap_or(newest.saturating_sub(u64::from(last)));
        let oldest_kept = newest - self.recent.len() as u64;
        if after < oldest_kept {
            return None;
        }
        Some(self.recent.iter().filter(|message| message.n > after).take(last as usize).cloned().collect())
    }
}

/// Returns a message as it is shown: `[Public] Ann: hello`.
pub fn shown(channel: &str, message: &ChannelMessage) -> Markup {
    match message.text.strip_prefix(':') {
        Some(pose) => text!("|c[{}]|n {} {}", channel, message.speaker, pose.trim_start()),
        None => text!("|c[{}]|n {}: {}", channel, message.speaker, message.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::record::Permission;

    fn channel(last_message: u64) -> Channel {
        let record = ChannelRecord {
            id: ChannelId(1),
            name: "Public".into(),
            folded: "public".into(),
            aliases: vec!["pub".into()],
            description: String::new(),
            auto_join: true,
            last_message,
            permission: Permission::Guest,
            type_name: "channel".into(),
            state: "null".into(),
        };
        Channel::new(record, [AccountId(1), AccountId(2)])
    }

    fn numbers(messages: Option<Vec<ChannelMessage>>) -> Option<Vec<u64>> {
        Some(messages?.iter().map(|message| message.n).collect())
    }

    #[test]
    fn messages_are_numbered_without_a_gap_and_read_since_a_number() {
        let mut channel = channel(40);
        for text in ["a", "b", "c"] {
            let message = channel.next_message(Some(AccountId(1)), "Ann", text.into(), 0);
            // One that is not kept leaves no gap.
            assert_eq!(channel.next_message(None, "Ann", "never said".into(), 0).n, message.n);
            channel.keep(message);
        }
        assert_eq!(numbers(channel.recent(Some(41), 100)), Some(vec![42, 43]));
        assert_eq!(numbers(channel.recent(None, 2)), Some(vec![42, 43]));
        assert_eq!(numbers(channel.recent(Some(43), 100)), Some(vec![]));
        // 40 was said before this channel was loaded: storage has it.
        assert_eq!(numbers(channel.recent(Some(39), 100)), None);
    }

    #[test]
    fn who_ignores_the_speaker_or_does_not_listen_hears_nothing() {
        let mut channel = channel(0);
        for (account, ignores) in [(1, vec![]), (2, vec![AccountId(1)]), (3, vec![])] {
            let listener = Listener { session: SessionId(account), ignores, events: false };
            channel.connect(AccountId(account), Some(listener));
        }
        assert_eq!(channel.audience(Some(AccountId(1))).0, [SessionId(1)]);
        assert_eq!(channel.audience(None).0, [SessionId(1), SessionId(2)]);
        channel.subscribe(AccountId(3), true);
        assert_eq!(channel.audience(None).0, [SessionId(1), SessionId(2), SessionId(3)]);
    }
}
