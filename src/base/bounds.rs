//! Every bound of the house: its name, its reason and what happens when it is full.
//! The arithmetic between them is asserted at compile time.

use super::Span;

/// Datagrams waiting for one tenant. Full: the lowest class is dropped, UDP will repeat.
pub const DATAGRAM_LANE: usize = 4_096;
/// Commands waiting for one tenant. Full: 429.
pub const COMMAND_LANE: usize = 1_024;
/// Commands of one token in flight. Full: 429.
pub const COMMANDS_PER_TOKEN: usize = 32;
/// Unsent bytes of one TCP connection. Full: the connection is closed.
pub const TCP_WRITE_BUFFER_BYTES: usize = 64 << 10;
/// A SIP message, start line to last byte of the body. Longer: 513.
pub const SIP_MESSAGE_BYTES: usize = 64 << 10;
/// A SIP body. Longer: 413.
pub const SIP_BODY_BYTES: usize = 32 << 10;
/// Header lines in one SIP message. More: 400.
pub const SIP_HEADERS: usize = 256;
/// Bytes a TCP peer may send before a message is complete: one largest message.
pub const TCP_READ_BUFFER_BYTES: usize = SIP_MESSAGE_BYTES;

/// Legs of one contact. Full: the verb is refused.
pub const LEGS_PER_CONTACT: usize = 32;
/// Times a contact may enter a queue. Full: the flow's failure exit.
pub const QUEUE_VISITS: usize = 50;
/// Nodes one contact may run through. Full: the flow ends with an alarm.
pub const FLOW_STEPS: usize = 2_000;
/// Attached data of a contact, as JSON text. Full: 413.
pub const ATTACHED_DATA_BYTES: usize = 16 << 10;
/// How often a contact may meet itself before it ends with an alarm.
pub const SELF_MEETINGS: usize = 3;
/// Contacts (bindings) of one extension. Full: the REGISTER gets 403.
pub const BINDINGS_PER_EXTENSION: usize = 8;
/// Calls per agent. Full: no further offer, and a call to the agent gets 486.
pub const CALLS_PER_AGENT: usize = 8;
/// Nonces of one tenant whose counts are known. Full: the oldest is forgotten and its user challenged again as stale.
pub const NONCES_COUNTED: usize = 8_192;
/// Sources whose requests are counted. Full: the one that is idle for longest is forgotten.
pub const SOURCES_COUNTED: usize = 65_536;
/// (source, user) pairs with failed credentials. Full: the oldest is forgotten.
pub const FAILURES_COUNTED: usize = 4_096;
/// INFO requests of one dialog in a second. More: 500 with Retry-After; the call goes on.
pub const INFOS_PER_SECOND: u32 = 20;
/// Forks of one dial: the bindings of an extension.
pub const FORKS: usize = BINDINGS_PER_EXTENSION;

/// SIP history of a contact. Full: the oldest messages go; bodies over `SIP_HISTORY_BODY_BYTES` are cut.
pub const SIP_HISTORY_BYTES: usize = 16 << 10;
pub const SIP_HISTORY_BODY_BYTES: usize = 2 << 10;

/// How long an accepted command id is remembered: the same id within it has the same answer and no second effect.
pub const COMMAND_MEMORY: Span = Span::minutes(10);
/// Text of a command id.
pub const COMMAND_ID_BYTES: usize = 64;

/// Committed events kept in memory for subscribers. Older: they read the journal in pages.
pub const EVENT_RING: usize = 65_536;
/// Events per page read from the journal.
pub const EVENT_PAGE: usize = 512;
/// A subscriber without progress for this long is disconnected; it resumes.
pub const SUBSCRIBER_STALL: Span = Span::seconds(5);
/// Events that wait in memory while the disk is away. Full: drain and exit, rather than lose one.
pub const JOURNAL_TAIL_BYTES: usize = 64 << 20;

/// Facts (digit, first sound, silence, player ended) that wait in a leg until taken. Full: the oldest goes and is counted.
pub const FACTS_PER_LEG: usize = 32;
/// Digits of one leg waiting for a flow to collect them. Full: the oldest goes.
pub const DIGITS_HELD: usize = 64;

/// A block of recorded sound.
pub const RECORDER_BLOCK_BYTES: usize = 4 << 10;
/// 32,768 blocks of 4 KiB = 128 MiB, 8 s of 500 recorded calls at 32 KB/s each. Full means the disk is stuck:
/// the gap is counted and told in the record, the call goes on.
pub const RECORDER_BLOCKS: usize = 32_768;

/// A settings, site or flow file. Longer: refused, the old version stays.
pub const CONFIG_FILE_BYTES: usize = 16 << 20;
/// A regular expression of a site file. Longer: the file is refused.
pub const PATTERN_BYTES: usize = 256;
/// A dialled number with its separators. Longer: it means nothing here.
pub const DIALLED_BYTES: usize = 128;

/// Freed media ports rest so that a late packet finds no new owner.
pub const PORT_REST: Span = Span::seconds(60);

/// A party left alone, with no flow and no ringing leg, is released.
pub const ALONE_MAX: Span = Span::seconds(2);

const _: () = assert!(RECORDER_BLOCKS * RECORDER_BLOCK_BYTES == 128 << 20);
const _: () = assert!(SIP_BODY_BYTES < SIP_MESSAGE_BYTES);
const _: () = assert!(SIP_HISTORY_BODY_BYTES < SIP_HISTORY_BYTES);
const _: () = assert!(COMMANDS_PER_TOKEN < COMMAND_LANE);
const _: () = assert!(EVENT_PAGE < EVENT_RING);
