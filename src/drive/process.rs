//! What this process asks of its host before it serves: descriptors, room for them, and plain pages of memory. Later each
//! of these would stop a thread for milliseconds in the middle of its work.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::base::bounds::{HTTP_CONNECTIONS, TCP_CONNECTIONS};

/// The kernel's table of descriptors has room for so many from the start, half a megabyte of it. It grows by doubling, and
/// the thread whose socket makes it grow waits for all processors (15 ms were seen in a tenant's step).
const DESCRIPTORS_READY: u64 = 1 << 16;

/// Fewer legs at once than this are worth a word at the start.
const LEGS_FEW: usize = 2_000;

/// Who may have how many descriptors, so that nobody takes another's: a call that is refused for want of a port is told so,
/// a recording that finds no descriptor is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Pairs of media ports, of two descriptors each: half of all. A quarter is then left for recordings, of which there is
    /// at most one for each leg.
    pub media_pairs: usize,
    /// SIP connections, an eighth at most.
    pub sip_connections: usize,
    /// HTTP connections, a sixteenth at most. The last sixteenth is for files, pushes and children.
    pub http_connections: usize,
}

impl Shares {
    fn of(limit: usize) -> Self {
        Self {
            media_pairs: limit / 4,
            sip_connections: TCP_CONNECTIONS.min(limit / 8),
            http_connections: HTTP_CONNECTIONS.min(limit / 16),
        }
    }

    /// How many of so many configured pairs may be open. When these are few, says what the host would have to allow for
    /// all of them; nobody with a small house on a plain host is bothered with it.
    pub fn of_media_pairs(self, configured: usize) -> usize {
        if self.media_pairs < configured.min(LEGS_FEW) {
            tracing::warn!(
                legs = self.media_pairs,
                "the limit of open files allows fewer legs at once than `media.ports`; {} would allow them all \
                 (`ulimit -Hn`, `LimitNOFILE=` of systemd)",
                configured * 4
            );
        }
        configured.min(self.media_pairs)
    }
}

/// None of it is needed to serve: what the host refuses is logged.
pub fn prepare() -> Shares {
    let limit = raise_descriptor_limit();
    widen_descriptor_table(limit.unwrap_or(u64::MAX).min(DESCRIPTORS_READY));
    // The allocator asks for huge pages. The first touch of one clears 2 MiB, and whoever holds a lock meanwhile, the
    // journal's tail among them, stops the tenants: the p99 from ready to INVITE was 10 ms with them and 4 ms without.
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "huge pages stay");
    }
    Shares::of(limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX))
}

/// Raises this process's limit of descriptors to what the system allows; the limit there is then, `None` for none.
fn raise_descriptor_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "descriptor limit not raised");
    }
    getrlimit(Resource::Nofile).current
}

fn widen_descriptor_table(places: u64) {
    let last = i32::try_from(places.saturating_sub(1)).unwrap_or(i32::MAX);
    // Any open descriptor will do; its double is closed again at once.
    if let Err(error) = rustix::io::fcntl_dupfd_cloexec(std::io::stderr(), last) {
        tracing::debug!(%error, "the table of descriptors grows as it is filled");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_raised_and_have_their_room_and_pages_are_plain() {
        prepare();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells of a process");
        let line = status.lines().find_map(|line| line.strip_prefix("FDSize:")).expect("it tells the table's size");
        let places: u64 = line.trim().parse().expect("a number");
        assert!(places >= limit.current.unwrap_or(u64::MAX).min(DESCRIPTORS_READY), "{places}");
        assert_eq!(rustix::thread::transparent_huge_pages_are_disabled(), Ok(true));
    }

    #[test]
    fn shares_of_a_small_host_and_of_a_large_one() {
        let small = Shares { media_pairs: 1_024, sip_connections: 512, http_connections: 256 };
        assert_eq!(Shares::of(4_096), small);
        assert_eq!((small.of_media_pairs(1_000), small.of_media_pairs(8_192)), (1_000, 1_024));
        let Shares { media_pairs, sip_connections, http_connections } = Shares::of(1 << 20);
        assert_eq!((media_pairs, sip_connections, http_connections), (1 << 18, TCP_CONNECTIONS, HTTP_CONNECTIONS));
    }
}
