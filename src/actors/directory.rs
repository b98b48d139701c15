//! The one thing that actors share: who is where. Read by many, written by few.
//!
//! Rooms are written by world, sessions by the link, channels by accounts.

use std::sync::{Arc, PoisonError, RwLock};

use actix::Addr;
use rustc_hash::FxHashMap;

use crate::actors::channel::ChannelActor;
use crate::actors::room::RoomActor;
use crate::actors::script::ScriptActor;
use crate::actors::session::SessionActor;
use crate::ids::{ChannelId, RoomId, ScriptId, SessionId};
use crate::world::channel::ChannelIndex;

/// Addresses of loaded rooms, live sessions and channels.
#[derive(Default)]
pub struct Directory {
    rooms: RwLock<FxHashMap<RoomId, Addr<RoomActor>>>,
    sessions: RwLock<FxHashMap<SessionId, Addr<SessionActor>>>,
    channels: RwLock<FxHashMap<ChannelId, Addr<ChannelActor>>>,
    scripts: RwLock<FxHashMap<ScriptId, Addr<ScriptActor>>>,
    script_types: RwLock<FxHashMap<String, ScriptId>>,
    index: RwLock<Arc<ChannelIndex>>,
}

impl Directory {
    /// Returns a room's address; `None` if it is not loaded.
    pub fn room(&self, id: RoomId) -> Option<Addr<RoomActor>> {
        read(&self.rooms).get(&id).cloned()
    }

    /// Writes or removes a room's address.
    pub fn set_room(&self, id: RoomId, room: Option<Addr<RoomActor>>) {
        set(&self.rooms, id, room);
    }

    /// Returns the loaded rooms with the lowest ids, at most `most`, in order of their ids.
    pub fn first_rooms(&self, most: usize) -> Vec<(RoomId, Addr<RoomActor>)> {
        first(&self.rooms, most)
    }

    /// Returns the sessions with the lowest ids, at most `most`, in order of their ids.
    pub fn first_sessions(&self, most: usize) -> Vec<(SessionId, Addr<SessionActor>)> {
        first(&self.sessions, most)
    }

    /// Returns how many rooms are loaded.
    pub fn loaded_rooms(&self) -> usize {
        read(&self.rooms).len()
    }

    /// Returns a session's address; `None` if it has ended.
    pub fn session(&self, id: SessionId) -> Option<Addr<SessionActor>> {
        read(&self.sessions).get(&id).cloned()
    }

    /// Writes or removes a session's address.
    pub fn set_session(&self, id: SessionId, session: Option<Addr<SessionActor>>) {
        set(&self.sessions, id, session);
    }

    /// Returns how many sessions there are.
    pub fn sessions(&self) -> usize {
        read(&self.sessions).len()
    }

    /// Returns a channel's address.
    pub fn channel(&self, id: ChannelId) -> Option<Addr<ChannelActor>> {
        read(&self.channels).get(&id).cloned()
    }

    /// Returns all channels.
    pub fn channels(&self) -> Vec<Addr<ChannelActor>> {
        read(&self.channels).values().cloned().collect()
    }

    /// Adds a channel.
    pub fn add_channel(&self, id: ChannelId, channel: Addr<ChannelActor>) {
        set(&self.channels, id, Some(channel));
    }

    /// Returns a script's address.
    pub fn script(&self, id: ScriptId) -> Option<Addr<ScriptActor>> {
        read(&self.scripts).get(&id).cloned()
    }

    /// Returns the script of a type.
    pub fn script_of(&self, type_name: &str) -> Option<ScriptId> {
        read(&self.script_types).get(type_name).copied()
    }

    /// Adds a script.
    pub fn add_script(&self, id: ScriptId, type_name: &str, script: Addr<ScriptActor>) {
        set(&self.scripts, id, Some(script));
        set(&self.script_types, type_name.to_owned(), Some(id));
    }

    /// Returns the channels by name, as they are now.
    pub fn channel_index(&self) -> Arc<ChannelIndex> {
        read(&self.index).clone()
    }

    /// Replaces the channels by name.
    pub fn set_channel_index(&self, index: ChannelIndex) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(index);
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn first<K: std::hash::Hash + Copy + Ord, V: Clone>(lock: &RwLock<FxHashMap<K, V>>, most: usize) -> Vec<(K, V)> {
    let map = read(lock);
    let mut keys: Vec<K> = map.keys().copied().collect();
    keys.sort_unstable();
    keys.truncate(most);
    keys.into_iter().filter_map(|key| Some((key, map.get(&key)?.clone()))).collect()
}

fn set<K: std::hash::Hash + Eq, V>(lock: &RwLock<FxHashMap<K, V>>, key: K, value: Option<V>) {
    let mut map = lock.write().unwrap_or_else(PoisonError::into_inner);
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}
