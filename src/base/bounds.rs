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
/// Messages queued to one TCP connection; full: the connection is closed.
pub const TCP_QUEUE_MESSAGES: usize = 1_024;
/// TCP connections to SIP, in all and from one address; fewer where the host allows few descriptors. Full: a new one is
/// closed at once.
pub const TCP_CONNECTIONS: usize = 16_384;
pub const TCP_CONNECTIONS_PER_SOURCE: usize = 6_000;
/// A connection that has not brought a message yet is closed when it is silent for so long.
pub const TCP_IDLE_STRANGER: Span = Span::minutes(2);
/// One that has, for so long: a phone may say nothing between two registrations. The kernel finds out which peers are gone.
pub const TCP_IDLE: Span = Span::minutes(24 * 60 + 5);
/// The longest `register_max` of a site.
pub const REGISTER_MAX: Span = Span::hours(24);
const _: () = assert!(TCP_IDLE.as_micros() > REGISTER_MAX.as_micros());
/// Header lines in one SIP message. More: 400.
pub const SIP_HEADERS: usize = 256;
/// Bytes a TCP peer may send before a message is complete: one largest message.
pub const TCP_READ_BUFFER_BYTES: usize = SIP_MESSAGE_BYTES;
/// Realms that may challenge the requests of one call of ours. More: the request is refused.
pub const REALMS_PER_CALL: usize = 4;
/// How often one request of ours is sent again with new credentials. More challenges: it is refused.
pub const PROOFS_PER_REQUEST: u8 = 4;
/// Media lines of a session description; an answer repeats them all. More: 488.
pub const SDP_MEDIA_LINES: usize = 16;

/// Legs of one contact. Full: the verb is refused.
pub const LEGS_PER_CONTACT: usize = 32;
/// The longest length of a conference, from now on. A longer wish is refused.
pub const CONFERENCE_MAX: Span = Span::hours(24);
/// The longest length that a recording may be limited to. A longer wish is refused.
pub const RECORD_LENGTH_MAX: Span = Span::hours(24);
/// How long the chair of a conference that he began alone sits there with nobody. Over: he is released.
pub const CHAIR_ALONE_MAX: Span = Span::minutes(10);
/// Times a contact may enter a queue. Full: the flow's failure exit.
pub const QUEUE_VISITS: usize = 50;
/// The longest that a direct call waits for its agent.
pub const DIRECT_WAIT_MAX: Span = Span::hours(1);
/// Groups that one item waits in at once.
pub const GROUPS_PER_ITEM: usize = 8;
/// Nodes one contact may run through. Full: the flow ends with an alarm.
pub const FLOW_STEPS: usize = 2_000;
/// Nodes of one flow file. More: the file is refused.
pub const FLOW_NODES: usize = 1_000;
/// A condition or a value of a flow, as text. Longer: the file is refused. Without loops this bounds its cost.
pub const EXPRESSION_BYTES: usize = 512;
/// Attached data of a contact, as JSON text. Full: 413.
pub const ATTACHED_DATA_BYTES: usize = 16 << 10;
/// How often a contact may meet itself before it ends with an alarm.
pub const SELF_MEETINGS: usize = 3;
/// Contacts (bindings) of one extension. Full: the REGISTER gets 403.
pub const BINDINGS_PER_EXTENSION: usize = 8;
/// Calls per agent. Full: no further offer, and a call to the agent gets 486.
pub const CALLS_PER_AGENT: usize = 8;
/// What one step of priority is worth in waiting: a caller with priority 1 stands where one stands who came a minute earlier.
pub const PRIORITY_STEP: Span = Span::minutes(1);
/// The best level of an agent in a group; 1 is the lowest. A site's level beyond is cut.
pub const LEVEL_MAX: u8 = 9;
/// Agents that one item is not offered to, for a while or as long as it waits. Full: the oldest is forgotten and may be
/// asked once more.
pub const EXCLUSIONS_PER_ITEM: usize = 16;
/// How long an item is not offered again to an agent who refused it, or from whom it was taken: others come first, nobody
/// sits ready beside a caller for longer, and a phone that refuses at once makes no storm.
pub const REFUSED_REST: Span = Span::seconds(20);
/// Agents at whom one caller rings at once, where his group rings all. More are available: the longest idle come first,
/// and another takes the place of who is out.
pub const RING_ALL_MAX: usize = 12;
/// From 200 to sound both ways. Over: the offer has failed and the caller is offered again at his old rank.
pub const OFFER_CONNECT_MAX: Span = Span::seconds(2);
/// How long whoever answers at an outside number has to press 1. Over: the offer has rung out; the caller is offered
/// again at his old rank and has heard nothing but the queue.
pub const CONFIRM_MAX: Span = Span::seconds(8);
/// Offers to an outside number that failed in a row, without a talk between: from then on its agent counts as unreachable
/// while the station rests, since nothing else tells that nobody is there.
pub const OUTSIDE_FAILURES_IN_A_ROW: u32 = 3;
/// A station whose phone answered an offer with an error, or not at all, rests; doubled each time until a talk comes about.
pub const STATION_REST_MIN: Span = Span::seconds(5);
pub const STATION_REST_MAX: Span = Span::minutes(5);
/// Offers in a row a phone may refuse before its station rests too: a phone on do-not-disturb refuses at the speed of the network.
pub const REFUSALS_IN_A_ROW: u32 = 3;
/// How long an agent who let an offer ring out stays not ready unless somebody makes him ready.
pub const RANG_OUT_REST: Span = Span::minutes(5);
/// The longest wrap-up, also one that was extended; a longer wish is cut.
pub const WRAP_UP_MAX: Span = Span::hours(1);
/// The longest lease of an agent who is kept free for an announced call.
pub const RESERVE_MAX: Span = Span::minutes(5);
/// A note to an agent, and the reason of a forced change, as text. Longer: 400.
pub const AGENT_NOTE_BYTES: usize = 1 << 10;
pub const FORCE_REASON_BYTES: usize = 256;
/// Why an agent rejected an offer, as text. Longer: 400.
pub const OFFER_REASON_BYTES: usize = 256;
/// Nonces of one tenant whose counts are known. Full: the oldest is forgotten and its user challenged again as stale.
pub const NONCES_COUNTED: usize = 8_192;
/// Sources whose requests are counted. Full: the one that is idle for longest is forgotten.
pub const SOURCES_COUNTED: usize = 65_536;
/// CANCELs remembered whose INVITE has not come yet. Full: the oldest is forgotten, its INVITE rings.
pub const CANCELS_REMEMBERED: usize = 64;
/// (source, user) pairs with failed credentials. Full: the oldest is forgotten.
pub const FAILURES_COUNTED: usize = 4_096;
/// INFO requests of one dialog in a second. More: 500 with Retry-After; the call goes on.
pub const INFOS_PER_SECOND: u32 = 20;
/// How long a phone is told how its REFER goes. Over: it is told that nobody knows (RFC 3515 §2.4.4); one per dialog, a
/// second is put off with 500.
pub const REFER_SUBSCRIPTION: Span = Span::minutes(3);
/// Forks of one dial: the bindings of an extension.
pub const FORKS: usize = BINDINGS_PER_EXTENSION;

/// SIP history of a contact. Full: the oldest messages go; bodies over `SIP_HISTORY_BODY_BYTES` are cut.
pub const SIP_HISTORY_BYTES: usize = 16 << 10;
pub const SIP_HISTORY_BODY_BYTES: usize = 2 << 10;
/// Histories of ended contacts kept per tenant: 8 MiB at most. Full: the oldest goes.
pub const SIP_HISTORIES_KEPT: usize = 512;

/// A call bridged to an agent, in memory: what [`SIP_HISTORY_BYTES`] and the five below add up to, and some room.
pub const BRIDGED_CALL_BYTES: usize = 40 << 10;
/// Of it: two legs and their dialogs; their descriptions and routes; the engine's side of both; the flow; the contact.
pub const LEGS_AND_DIALOGS_BYTES: usize = 8 << 10;
pub const SDP_AND_ROUTES_BYTES: usize = 4 << 10;
pub const ROOM_AND_RTP_BYTES: usize = 4 << 10;
pub const FLOW_RUN_BYTES: usize = 2 << 10;
pub const CONTACT_BYTES: usize = 4 << 10;
/// The values themselves, without the text that hangs on them: a leg, a dialog with its session, a leg of the engine, a
/// flow run, a contact, a binding of the registrar. Each type asserts its own.
pub const LEG_VALUE_BYTES: usize = 512;
pub const DIALOG_VALUE_BYTES: usize = 1 << 10;
pub const ENGINE_LEG_VALUE_BYTES: usize = 1 << 10;
pub const FLOW_RUN_VALUE_BYTES: usize = 512;
pub const CONTACT_VALUE_BYTES: usize = 1_280;
pub const BINDING_VALUE_BYTES: usize = 256;

/// How long an accepted command id is remembered: the same id within it has the same answer and no second effect.
pub const COMMAND_MEMORY: Span = Span::minutes(10);
/// Contacts kept as the answer to a command showed them, per tenant: 16 MiB at most. Full: a repeat on an ended contact
/// shows its id alone.
pub const SHOWN_CONTACTS_KEPT: usize = 1_024;
/// How many of them a tenant remembers: a client that sends commands all the time fills no memory and no open state.
/// Full: the oldest go, and a repeat of one of these acts again.
pub const COMMAND_IDS_KEPT: usize = 64 * COMMAND_LANE;
/// Text of a command id.
pub const COMMAND_ID_BYTES: usize = 64;
/// How long the door waits for a tenant's answer. Over: 504, and the client repeats with the same command id.
pub const COMMAND_WAIT: Span = Span::seconds(5);

/// Changes of sites that wait; people make them. Full: 429.
pub const SITE_LANE: usize = 8;
/// How long the door waits for a site's owner, who writes to the disk. Over: 504.
pub const SITE_WAIT: Span = Span::seconds(30);

/// Committed events kept in memory for subscribers. Older: they read the journal in pages.
pub const EVENT_RING: usize = 65_536;
/// And as many bytes of their stored form: attached data may make each of them 16 KiB. Full: the oldest go.
pub const EVENT_RING_BYTES: usize = 64 << 20;
/// Events per page read from the journal.
pub const EVENT_PAGE: usize = 512;
/// A subscriber without progress for this long is disconnected; it resumes.
pub const SUBSCRIBER_STALL: Span = Span::seconds(5);
/// Events that wait in memory while the disk is away. Full: drain and exit, rather than lose one.
pub const JOURNAL_TAIL_BYTES: usize = 64 << 20;
/// What the drain itself may add on top while the disk is still away. Full: the process aborts; its memory has an end.
pub const JOURNAL_TAIL_HARD_BYTES: usize = 2 * JOURNAL_TAIL_BYTES;
/// Events of one commit. Full: the rest waits for the next one.
pub const JOURNAL_BATCH: usize = 4_096;
/// How long a writer waits before it tries a refused commit again.
pub const COMMIT_RETRY: Span = Span::millis(100);
/// An event uncommitted for longer means a stuck disk: new contacts get 503.
pub const COMMIT_AGE_MAX: Span = Span::seconds(2);
/// Free space in per cent of the disk below which: an alarm is raised, recordings stop, new contacts get 503.
pub const DISK_ALARM_PERCENT: u64 = 10;
pub const DISK_RECORDINGS_PERCENT: u64 = 5;
pub const DISK_SHED_PERCENT: u64 = 2;
/// How far free space must rise above a threshold before it counts as over.
pub const DISK_MARGIN_PERCENT: u64 = 1;
/// Events folded before the projector writes the open state again: what a restart reads from the journal at most
/// when it was killed. 512 contacts of 4 KiB each are 2 MiB, too much for each transaction.
pub const OPEN_SAVE_EVERY: u64 = 8_192;
/// Entries of one list of a contact record (offers, digits, trace). Full: further ones are counted in `cut`.
pub const RECORD_LIST: usize = 2_000;
/// Read-only connections kept between queries. More at once open one of their own.
pub const QUERY_POOL: usize = 4;
/// Changes of bindings that wait for the site writer. Full: an update is dropped (the phone repeats), a save is refused.
pub const SITE_WRITES: usize = 16_384;

/// HTTP connections of the node; fewer where the host allows few descriptors. Full: a new one gets 503 and is closed.
pub const HTTP_CONNECTIONS: usize = 4_096;
/// HTTP connections from one address, so that one client cannot take them all. Full: 503 and closed.
pub const HTTP_CONNECTIONS_PER_SOURCE: usize = 1_024;
/// How long a client may take for the head of a request, also the next one on an idle connection. Over: closed.
pub const HTTP_HEAD_WAIT: Span = Span::seconds(30);
/// How long a client may take for the body of a request. Over: 400.
pub const HTTP_BODY_WAIT: Span = Span::seconds(10);
/// Request line and header fields. Longer: 431 and closed.
pub const HTTP_HEAD_BYTES: usize = 16 << 10;
/// The body of a request. Longer: 413.
pub const HTTP_BODY_BYTES: usize = 1 << 20;
/// Event WebSockets of the node. Full: 503.
pub const SUBSCRIBERS: usize = 1_024;
/// One message a subscriber may send over its WebSocket; it has nothing to say. Longer: closed.
pub const SUBSCRIBER_MESSAGE_BYTES: usize = 4 << 10;
/// How long a poll for events may wait. A longer wish is cut to it.
pub const POLL_WAIT_MAX: Span = Span::seconds(30);
/// Pages of events that one poll reads for what its filter wants. More: it answers with where it stands.
pub const POLL_PAGES: usize = 64;
/// Client sessions of one tenant: two for each of 5,000 agents. Full: 429.
pub const SESSIONS_PER_TENANT: usize = 10_000;
/// Client sessions of one token: one integration may serve 5,000 agents. Full: 429.
pub const SESSIONS_PER_TOKEN: usize = 6_000;
/// Sessions of one tenant whose events are pushed: each has a task and a connection. Full: 429.
pub const PUSHES_PER_TENANT: usize = 32;
/// The shortest and the longest lease of a session. Outside: 400.
pub const LEASE_MIN: Span = Span::seconds(10);
pub const LEASE_MAX: Span = Span::hours(24);
/// An address that events are pushed to. Longer: 400.
pub const PUSH_URL_BYTES: usize = 1_024;
/// Events of one delivery, and their bytes unless one alone has more. More: they go with the next.
pub const PUSH_EVENTS: usize = 500;
pub const PUSH_BODY_BYTES: usize = 512 << 10;
/// Pages of events that are looked at for one delivery, so that one whose filter wants what is rare goes on in steps.
pub const PUSH_PAGES: usize = 8;
/// How long a delivery may take, with its connection. Over: it did not arrive, and is repeated.
pub const PUSH_WAIT: Span = Span::seconds(10);
/// How long after a delivery that was not taken it is repeated; twice as long each time, up to the longest.
pub const PUSH_RETRY_FIRST: Span = Span::seconds(1);
pub const PUSH_RETRY_MAX: Span = Span::seconds(60);
/// How often a delivery that waits for its repeat asks whether its session still lives.
pub const PUSH_ASK_EVERY: Span = Span::seconds(5);
/// How long a session whose first place could not be saved waits for its command to be repeated. Over: it ends.
pub const PUSH_BEGIN_WAIT: Span = Span::seconds(60);
/// How often the place of a session is saved that looks on and sees nothing for it.
pub const PUSH_PLACE_EVERY: Span = Span::seconds(60);
/// New sessions that wait for their place to be saved. Full: the next one waits for a turn, as its client does.
pub const PUSH_LANE: usize = 64;
/// How often a sign of life on a session's socket is passed on.
pub const SESSION_RENEW_EVERY: Span = Span::seconds(1);
/// The lease of a session that names none.
pub const LEASE_DEFAULT: Span = Span::seconds(60);
/// Entries of one list of a subscription: agents, groups, flows, contacts or kinds. More: 400.
pub const WATCHED_MAX: usize = 256;
/// Entries of all lists of a tenant's sessions: some 100 MB of memory, and what each event is looked up in. Full: 429.
pub const WATCHED_PER_TENANT: usize = 500_000;
/// An idle subscriber hears its position this often, so it resumes past what its filter left out.
pub const SUBSCRIBER_IDLE: Span = Span::seconds(15);
/// How long a query waits for the records to reach `at_least`. Over: 503 with the position reached.
pub const RECORDS_WAIT: Span = Span::seconds(1);
/// Rows of one page of a list.
pub const LIST_PAGE_MAX: usize = 500;

/// Facts (digit, first sound, silence, player ended) that wait in a leg until taken. Full: the oldest goes and is counted.
pub const FACTS_PER_LEG: usize = 32;
/// A target of a verb may be told to ring this long at most. Longer: 400.
pub const RING_MAX: Span = Span::minutes(10);
/// Sounds of one announcement. More: 400.
pub const ANNOUNCED_SOUNDS: usize = 16;

/// Digits of one leg waiting for a flow to collect them. Full: the oldest goes.
pub const DIGITS_HELD: usize = 64;

/// A block of recorded sound.
pub const RECORDER_BLOCK_BYTES: usize = 4 << 10;
/// 32,768 blocks of 4 KiB = 128 MiB, 8 s of 500 recorded calls at 32 KB/s each. Full means the disk is stuck:
/// the gap is counted and told in the record, the call goes on.
pub const RECORDER_BLOCKS: usize = 32_768;

/// A settings, site or flow file. Longer: refused, the old version stays.
pub const CONFIG_FILE_BYTES: usize = 16 << 20;
/// Keys and values of such a file, aliases counted as what they stand for: 20,000 extensions with their
/// agents, twice. More: refused.
pub const CONFIG_NODES: usize = 1 << 20;
/// Levels of such a file; ours have six. Each costs the reader some 30 KB of its stack. More: refused.
pub const CONFIG_DEPTH: usize = 16;
/// A regular expression of a site file. Longer: the file is refused.
pub const PATTERN_BYTES: usize = 256;
/// A dialled number with its separators. Longer: it means nothing here.
pub const DIALLED_BYTES: usize = 128;
/// Sources refused by a closed latch that are counted one by one. Full: the rest is in the total only.
pub const REFUSED_SOURCES: usize = 4;
/// Samples of one sound in the library: 30 minutes at 8 kHz, 57 MiB with its two coded forms. Longer: the file is refused.
pub const SOUND_SAMPLES: usize = 30 * 60 * 8_000;
/// How long the longest sound lasts: what a prompt of unknown length may take.
pub const SOUND_MAX: Span = Span::minutes(30);
/// Numbers in one rule for the number that a call shows. More: the site file is refused.
pub const CALLING_NUMBERS: usize = 1_000;
/// Characters of one spoken text. Longer: the file or the request is refused; a text that a flow computes leaves its node
/// by the failure exit.
pub const SPEECH_CHARS: usize = 1_000;
/// The longest spoken text as sound. Longer: cut there.
pub const SPEECH_MAX: Span = Span::minutes(10);
/// How long a player waits for sounds that have to be loaded. Over: it ends, and says which is missing.
pub const CLIP_WAIT_MAX: Span = Span::seconds(3);
/// Sounds waiting to be loaded, over all threads. Full: the player ends at once, and says which is missing.
pub const CLIP_LANE: usize = 256;
/// Threads that load sounds, and so children that speak at the same time. Two, as each takes a core for its 50 ms.
pub const CLIP_THREADS: usize = 2;
/// Spoken texts kept in memory: 30 minutes of sound in its three forms. Full: the one not asked for longest goes; who plays
/// it has it to its end.
pub const SPEECH_MEMORY_BYTES: usize = 56 << 20;
/// Spoken texts kept as files. Full: those not asked for longest go.
pub const SPEECH_CACHE_BYTES: u64 = 512 << 20;
/// How long a child may take to speak a text. Over: it is killed, and the text is missing.
pub const SPEECH_CHILD_MAX: Span = Span::seconds(5);
/// How long after its length a prompt's end may be reported. Over: the flow goes on as if it had ended, or by `failed`.
pub const PROMPT_MARGIN: Span = Span::seconds(5);
/// How long the version of something closed is remembered, so that an older command finds it closed.
pub const CLOSED_MEMORY: Span = Span::seconds(60);
/// A datagram read from a media socket. Longer: cut by the kernel, then refused as malformed.
pub const MEDIA_DATAGRAM_BYTES: usize = 2 << 10;
/// How long a media thread may take to apply a command. Over: an alarm; the newest state is still what it applies.
pub const MEDIA_APPLY_MAX: Span = Span::millis(200);
/// Sources of one sum. More speak: the quietest are left out of it.
pub const MIX_SPEAKERS: usize = 6;
/// How long a media thread keeps commands for a leg that another thread has not handed over yet: two at most, its state
/// and its end. Over: the leg is gone, the commands go too and are counted.
pub const HAND_WAIT: Span = Span::seconds(5);
/// Panics of one media thread within a minute that end all its legs; fewer end one leg each.
pub const MEDIA_PANICS: usize = 3;

/// Freed media ports rest so that a late packet finds no new owner.
pub const PORT_REST: Span = Span::seconds(60);

/// A party left alone, with no flow and no ringing leg, is released.
pub const ALONE_MAX: Span = Span::seconds(2);

const _: () = assert!(RECORDER_BLOCKS * RECORDER_BLOCK_BYTES == 128 << 20);
const _: () = assert!(SIP_BODY_BYTES < SIP_MESSAGE_BYTES);
const _: () = assert!(SIP_HISTORY_BODY_BYTES < SIP_HISTORY_BYTES);
const _: () = assert!(FLOW_NODES < FLOW_STEPS);
const _: () = assert!(COMMANDS_PER_TOKEN < COMMAND_LANE);
const _: () = assert!(EVENT_PAGE < EVENT_RING);
const _: () = assert!(STATION_REST_MIN.0 < STATION_REST_MAX.0);
const _: () = assert!(STATION_REST_MAX.0 <= RANG_OUT_REST.0);
const _: () = assert!(HTTP_CONNECTIONS_PER_SOURCE < HTTP_CONNECTIONS);
const _: () = assert!(PUSH_EVENTS <= EVENT_PAGE && PUSH_RETRY_FIRST.0 < PUSH_RETRY_MAX.0);
const _: () = assert!(PUSHES_PER_TENANT < SESSIONS_PER_TOKEN && SESSIONS_PER_TOKEN < SESSIONS_PER_TENANT);
const _: () = assert!(ATTACHED_DATA_BYTES < HTTP_BODY_BYTES);
const _: () = assert!(JOURNAL_BATCH < EVENT_RING);
const _: () = assert!(FLOW_STEPS <= RECORD_LIST);
const _: () = assert!(2 * RING_ALL_MAX < LEGS_PER_CONTACT && RING_ALL_MAX <= EXCLUSIONS_PER_ITEM);
const _: () = assert!(SPEECH_MAX.0 <= SOUND_MAX.0);
const _: () = assert!(SOUND_SAMPLES as i64 == SOUND_MAX.as_seconds() * 8_000);
const _: () = assert!(DISK_SHED_PERCENT + DISK_MARGIN_PERCENT < DISK_RECORDINGS_PERCENT);
const _: () = assert!(DISK_RECORDINGS_PERCENT + DISK_MARGIN_PERCENT < DISK_ALARM_PERCENT);
const _: () = assert!(
    LEGS_AND_DIALOGS_BYTES
        + SDP_AND_ROUTES_BYTES
        + ROOM_AND_RTP_BYTES
        + FLOW_RUN_BYTES
        + CONTACT_BYTES
        + SIP_HISTORY_BYTES
        <= BRIDGED_CALL_BYTES
);
// Half of each share is for the text.
const _: () = assert!(2 * (LEG_VALUE_BYTES + DIALOG_VALUE_BYTES) <= LEGS_AND_DIALOGS_BYTES / 2);
const _: () = assert!(2 * ENGINE_LEG_VALUE_BYTES <= ROOM_AND_RTP_BYTES / 2);
const _: () = assert!(FLOW_RUN_VALUE_BYTES <= FLOW_RUN_BYTES / 2);
const _: () = assert!(CONTACT_VALUE_BYTES <= CONTACT_BYTES / 2);
