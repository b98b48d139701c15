//! Faults to plant: each leaves out one thing that a rule asks for.

/// What a faulty protocol does otherwise. The number is that of the rule it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// 3: the portal sends all lines of a session at once.
    NoWindow,
    /// 5: what a walk does to each of two rooms is a batch of its own.
    BatchPerRoom,
    /// 7: a batch that met an incomplete one does not wait for it.
    NoWaitForOpen,
    /// 7: a batch without changes leaves although what it has seen is not stored.
    NoWaitForFlush,
    /// 7: a batch's output leaves when its flush starts, not when it is stored.
    ShownBeforeStored,
    /// 7: a batch waits also for those that changed a room after it had left; they are let go as they ended, not as cause and
    /// effect.
    WaitsForLater,
    /// 9: of several changes to a row in one flush, that of the last batch counts, not the last change.
    RowsByBatch,
    /// 9: a flush is written whatever the database's epoch is.
    NoEpochCheck,
    /// 9: two flushes are under way and may be stored in either order.
    NoCommitOrder,
    /// 9: what a flush shows is not stored with it.
    NoOutbox,
    /// 9: outbox rows are deleted before the portal has confirmed them.
    DeletedUnconfirmed,
    /// 12: the portal applies what it is sent, again too. (The server sends all of the outbox again.)
    AppliedAgain,
    /// 14: the server runs a line in flight whatever the cursor says.
    NoCursor,
    /// 14: the portal's hello does not name the line in flight.
    NotSentAgain,
    /// 14: the hello is said before all that the server before wrote is applied.
    HelloTooEarly,
    /// 19: the new server loads the world, then takes the epoch.
    LoadedBeforeEpoch,
    /// 19: the new server loads the world while the old one still works.
    LoadedBeside,
    /// 14, the ring file: deliveries leave before they are recorded.
    DeliveredBeforeRecorded,
    /// 14, the ring file: a flush is confirmed before what it shows is recorded.
    ConfirmedBeforeRecorded,
    /// 14, the ring file: which line is in flight is not recorded.
    FlightNotRecorded,
    /// 14, the ring file: the server runs a line that a page sent again without a look at the cursor.
    NoCursorForLines,
}
