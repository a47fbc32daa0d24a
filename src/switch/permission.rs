//! What a token may do: a set of permissions, and roles as named sets.
//! Owns their closed list and their text. Leaves tokens to `door`, asking for a permission to each operation of `api`.

use std::fmt;
use std::str::FromStr;

/// The list and the text of each.
macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident $text:literal,)*) => {
        /// One thing that a token may be allowed. Stored and shown as `object.act`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission {
            $($(#[$doc])* $name,)*
        }

        use Permission::{$($name),*};

        impl Permission {
            pub const ALL: [Self; [$($text),*].len()] = [$($name),*];

            pub fn text(self) -> &'static str {
                match self {
                    $($name => $text,)*
                }
            }
        }
    };
}

permissions! {
    AgentsRead "agents.read",
    /// Sign agents in and out, make them ready and not ready.
    AgentsControl "agents.control",
    /// Force an agent's state against his own wish, with a reason.
    AgentsSupervise "agents.supervise",
    CallsRead "calls.read",
    /// Hang up, hold, mute, transfer, conference, announce, send digits, change attached data.
    CallsControl "calls.control",
    /// Dial out of the house.
    CallsOriginate "calls.originate",
    /// Records of contacts that have ended.
    ContactsRead "contacts.read",
    RecordingsRead "recordings.read",
    /// Start, stop, pause and resume the recording of a live contact.
    RecordingsControl "recordings.control",
    /// Extensions, groups, numbers and where phones are registered.
    SiteRead "site.read",
    /// SIP messages: they show numbers and addresses.
    SipRead "sip.read",
    EventsRead "events.read",
    MetricsRead "metrics.read",
    /// Everything, also what a later version adds.
    Admin "admin",
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A text that names no permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownPermission;

impl FromStr for Permission {
    type Err = UnknownPermission;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|permission| permission.text() == text).ok_or(UnknownPermission)
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u16);

impl Permissions {
    pub const NONE: Self = Self(0);
    pub const ADMIN: Self = Self::of(&[Admin]);

    pub const fn of(list: &[Permission]) -> Self {
        let (mut bits, mut index) = (0, 0);
        while index < list.len() {
            bits |= 1 << list[index] as u16;
            index += 1;
        }
        Self(bits)
    }

    /// `admin` allows everything.
    pub const fn allow(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u16 | 1 << Admin as u16) != 0
    }

    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without what `admin` implies, in the order of [`Permission::ALL`].
    pub fn list(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.0 & 1 << *permission as u16 != 0)
    }
}

/// A named set, as files and the command line give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A wall board: sees agents, groups and live calls, no records and no sound.
    Viewer,
    /// A system that reacts to calls and works on them.
    Integration,
    /// Sees everything of the tenant, also recordings, and controls agents and calls.
    Supervisor,
    /// A program that scrapes figures.
    Monitor,
    Admin,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Viewer, Self::Integration, Self::Supervisor, Self::Monitor, Self::Admin];

    pub fn text(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Integration => "integration",
            Self::Supervisor => "supervisor",
            Self::Monitor => "monitor",
            Self::Admin => "admin",
        }
    }

    pub const fn permissions(self) -> Permissions {
        match self {
            Self::Viewer => Permissions::of(&[AgentsRead, CallsRead, SiteRead, EventsRead]),
            Self::Integration => Permissions::of(&[
                AgentsRead,
                AgentsControl,
                CallsRead,
                CallsControl,
                CallsOriginate,
                ContactsRead,
                SiteRead,
                EventsRead,
            ]),
            Self::Supervisor => Self::Integration.permissions().and(Permissions::of(&[
                AgentsSupervise,
                RecordingsRead,
                RecordingsControl,
                SipRead,
            ])),
            Self::Monitor => Permissions::of(&[MetricsRead]),
            Self::Admin => Permissions::ADMIN,
        }
    }
}

impl FromStr for Role {
    type Err = UnknownPermission;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.text() == text).ok_or(UnknownPermission)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_and_roles_read_what_they_write() {
        for permission in Permission::ALL {
            assert_eq!(permission.text().parse(), Ok(permission));
            assert_eq!(Permissions::of(&[permission]).list().collect::<Vec<_>>(), [permission]);
        }
        for role in Role::ALL {
            assert_eq!(role.text().parse(), Ok(role));
        }
        assert_eq!(Permission::ALL.map(|permission| permission as usize), std::array::from_fn(|place| place));
        assert_eq!(Admin.text(), "admin");
        assert_eq!("agents.write".parse::<Permission>(), Err(UnknownPermission));
    }

    #[test]
    fn a_set_allows_its_members_and_admin_allows_all() {
        let rows = [
            (Role::Viewer, CallsRead, true),
            (Role::Viewer, CallsControl, false),
            (Role::Viewer, RecordingsRead, false),
            (Role::Integration, CallsOriginate, true),
            (Role::Integration, SipRead, false),
            (Role::Integration, RecordingsControl, false),
            (Role::Supervisor, RecordingsControl, true),
            (Role::Supervisor, CallsOriginate, true),
            (Role::Supervisor, RecordingsRead, true),
            (Role::Supervisor, AgentsSupervise, true),
            (Role::Integration, AgentsSupervise, false),
            (Role::Supervisor, MetricsRead, false),
            (Role::Monitor, MetricsRead, true),
            (Role::Monitor, AgentsRead, false),
        ];
        for (role, permission, allowed) in rows {
            assert_eq!(role.permissions().allow(permission), allowed, "{} {permission}", role.text());
        }
        assert!(Permission::ALL.into_iter().all(|permission| Permissions::ADMIN.allow(permission)));
        assert!(!Permission::ALL.into_iter().any(|permission| Permissions::NONE.allow(permission)));
    }
}
