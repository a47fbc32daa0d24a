//! Figures of the running node, in one closed list: this file is the manual page of `/metrics`.
//! Owns their names, help and printing. Leaves counting to the drivers, which write plain atomics here.
//! Names are `cordboard_<part>_<what>_<unit or total>`; labels come only from closed sets and from the site.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// One number that a driver writes and a scrape reads. Relaxed: no figure orders another.
#[derive(Debug, Default)]
pub struct Meter(AtomicI64);

impl Meter {
    pub fn add(&self, n: i64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// More than a meter can show is shown as the most it can.
    pub fn set(&self, n: impl TryInto<i64>) {
        self.0.store(n.try_into().unwrap_or(i64::MAX), Relaxed);
    }

    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

/// One row of the list.
#[derive(Clone, Copy, Debug)]
pub struct About {
    pub name: &'static str,
    pub kind: MeterKind,
    /// `class="invite"`, or empty.
    pub label: &'static str,
    pub help: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeterKind {
    /// Only grows, until the process ends.
    Counter,
    Gauge,
    /// A counter that is kept in microseconds and printed in seconds.
    CounterMicros,
}

macro_rules! meters {
    ($(#[$doc:meta])* $table:ident { $($field:ident: $name:literal $kind:ident $label:literal $help:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $table { $(#[doc = $help] pub $field: Meter,)* }

        impl $table {
            pub const LIST: &'static [About] = &[
                $(About { name: $name, kind: MeterKind::$kind, label: $label, help: $help },)*
            ];

            /// In the order of `LIST`.
            pub fn read(&self) -> Vec<i64> {
                vec![$(self.$field.get(),)*]
            }
        }
    };
}

meters! {
    /// Of the whole node.
    NodeMeters {
        ready: "cordboard_house_ready_state" Gauge "" "1 while new contacts are taken",
        sip_received: "cordboard_sip_datagrams_received_total" Counter "" "SIP datagrams read from sockets",
        sip_sent: "cordboard_sip_datagrams_sent_total" Counter "" "SIP datagrams given to the kernel",
        sip_dropped_dialog: "cordboard_sip_datagrams_dropped_total" Counter "class=\"dialog\"" "SIP datagrams dropped because a tenant's lane was full",
        sip_dropped_invite: "cordboard_sip_datagrams_dropped_total" Counter "class=\"invite\"" "SIP datagrams dropped because a tenant's lane was full",
        sip_dropped_register: "cordboard_sip_datagrams_dropped_total" Counter "class=\"register\"" "SIP datagrams dropped because a tenant's lane was full",
        sip_unsent: "cordboard_sip_datagrams_unsent_total" Counter "" "SIP datagrams the kernel did not take",
        sip_refused: "cordboard_sip_datagrams_refused_total" Counter "" "SIP messages refused by the front: size, framing, rate",
        sip_connections: "cordboard_sip_connections_count" Gauge "" "SIP TCP connections that are open",
        sip_stuck: "cordboard_sip_connections_stuck_total" Counter "" "SIP TCP connections closed because they did not read",
        media_received: "cordboard_media_packets_received_total" Counter "" "RTP packets received on legs",
        media_sent: "cordboard_media_packets_sent_total" Counter "" "RTP packets sent",
        media_refused: "cordboard_media_packets_refused_total" Counter "" "RTP packets refused by a closed latch",
        media_late: "cordboard_media_ticks_late_total" Counter "" "media ticks that came more than 5 ms late",
        media_legs: "cordboard_media_legs_count" Gauge "" "legs with open sockets",
        recorder_blocks: "cordboard_recorder_blocks_count" Gauge "" "blocks of sound that wait for the disk",
        recorder_gap: "cordboard_recorder_gap_seconds_total" CounterMicros "" "recorded sound lost to a full or slow disk",
        journal_events: "cordboard_journal_events_total" Counter "" "events committed",
        journal_commits: "cordboard_journal_commits_total" Counter "" "batches committed",
        journal_commit_time: "cordboard_journal_commit_seconds_total" CounterMicros "" "time spent in commits",
        journal_tail: "cordboard_journal_tail_bytes" Gauge "" "events in memory that wait for the disk",
        projected: "cordboard_store_projected_seq" Gauge "" "the last event folded into the records",
        disk_free: "cordboard_disk_free_bytes" Gauge "" "free bytes where the data lies",
        http_ok: "cordboard_http_requests_total" Counter "class=\"ok\"" "HTTP requests by class of status",
        http_client: "cordboard_http_requests_total" Counter "class=\"client_error\"" "HTTP requests by class of status",
        http_server: "cordboard_http_requests_total" Counter "class=\"server_error\"" "HTTP requests by class of status",
        http_connections: "cordboard_http_connections_count" Gauge "" "HTTP connections that are open",
        http_refused: "cordboard_http_connections_refused_total" Counter "" "HTTP connections refused because there were too many",
        http_subscribers: "cordboard_http_subscribers_count" Gauge "" "event WebSockets that are open",
        http_stalled: "cordboard_http_subscribers_stalled_total" Counter "" "event WebSockets closed because they did not read",
    }
}

meters! {
    /// Of one tenant; printed with `tenant="<key>"`.
    TenantMeters {
        contacts: "cordboard_call_contacts_count" Gauge "" "contacts alive",
        legs: "cordboard_call_legs_count" Gauge "" "legs alive",
        bindings: "cordboard_sip_bindings_count" Gauge "" "phones registered",
        waiting: "cordboard_acd_waiting_count" Gauge "" "callers waiting in groups",
        agents_signed_in: "cordboard_acd_agents_count" Gauge "state=\"signed_in\"" "agents by state",
        agents_available: "cordboard_acd_agents_count" Gauge "state=\"available\"" "agents by state",
        inputs: "cordboard_tenant_inputs_total" Counter "" "inputs handled",
        input_time: "cordboard_tenant_inputs_seconds_total" CounterMicros "" "time spent handling inputs",
        slow_inputs: "cordboard_tenant_inputs_slow_total" Counter "" "inputs that took more than 200 us",
        panics: "cordboard_tenant_panics_total" Counter "" "panics caught: our bugs",
        commands_accepted: "cordboard_tenant_commands_total" Counter "result=\"accepted\"" "commands and queries by result",
        commands_refused: "cordboard_tenant_commands_total" Counter "result=\"refused\"" "commands and queries by result",
        commands_full: "cordboard_tenant_commands_total" Counter "result=\"full\"" "commands and queries by result",
        commands_timeout: "cordboard_tenant_commands_total" Counter "result=\"timeout\"" "commands and queries by result",
    }
}

/// Prometheus text exposition format, version 0.0.4. Series of one name stand together under one HELP and TYPE.
pub fn print(node: &NodeMeters, tenants: &[(String, Vec<i64>)]) -> String {
    let mut text = String::new();
    let values = node.read();
    let mut head = "";
    for (about, value) in NodeMeters::LIST.iter().zip(values) {
        print_head(&mut text, about, &mut head);
        print_line(&mut text, about, "", value);
    }
    for (index, about) in TenantMeters::LIST.iter().enumerate() {
        print_head(&mut text, about, &mut head);
        for (key, values) in tenants {
            let label = format!("tenant=\"{}\"", escape(key));
            print_line(&mut text, about, &label, values[index]);
        }
    }
    text
}

fn print_head<'a>(text: &mut String, about: &'a About, head: &mut &'a str) {
    if *head == about.name {
        return;
    }
    *head = about.name;
    let kind = match about.kind {
        MeterKind::Counter | MeterKind::CounterMicros => "counter",
        MeterKind::Gauge => "gauge",
    };
    let written = writeln!(text, "# HELP {} {}\n# TYPE {} {kind}", about.name, about.help, about.name);
    written.expect("writing to a String cannot fail");
}

fn print_line(text: &mut String, about: &About, tenant: &str, value: i64) {
    let comma = if tenant.is_empty() || about.label.is_empty() { "" } else { "," };
    let labels = format!("{tenant}{comma}{}", about.label);
    let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
    let written = match about.kind {
        MeterKind::Counter | MeterKind::Gauge => writeln!(text, "{}{labels} {value}", about.name),
        MeterKind::CounterMicros => writeln!(text, "{}{labels} {}", about.name, value as f64 / 1e6),
    };
    written.expect("writing to a String cannot fail");
}

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_house_form_and_series_of_a_name_stand_together() {
        let units = ["total", "seconds_total", "bytes", "count", "state", "seq"];
        let mut seen: Vec<&str> = Vec::new();
        for about in NodeMeters::LIST.iter().chain(TenantMeters::LIST) {
            assert!(about.name.starts_with("cordboard_"), "{}", about.name);
            assert!(units.iter().any(|unit| about.name.ends_with(unit)), "{}", about.name);
            let counter = matches!(about.kind, MeterKind::Counter | MeterKind::CounterMicros);
            assert_eq!(about.name.ends_with("_total"), counter, "{}", about.name);
            if seen.last() != Some(&about.name) {
                assert!(!seen.contains(&about.name), "{} stands in two places", about.name);
                seen.push(about.name);
            }
        }
    }

    #[test]
    fn a_scrape_shows_labels_units_and_one_head_per_name() {
        let node = NodeMeters::default();
        node.recorder_gap.set(1_500_000);
        node.sip_dropped_invite.add(3);
        let tenant = TenantMeters::default();
        tenant.agents_available.set(2);
        let text = print(&node, &[("de\"mo".to_owned(), tenant.read())]);
        for line in [
            "cordboard_recorder_gap_seconds_total 1.5",
            "cordboard_sip_datagrams_dropped_total{class=\"invite\"} 3",
            "cordboard_acd_agents_count{tenant=\"de\\\"mo\",state=\"available\"} 2",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        assert_eq!(text.matches("# TYPE cordboard_sip_datagrams_dropped_total").count(), 1);
    }
}
