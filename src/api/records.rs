//! Records of contacts: lists by cursor or by offset, and one by its id. Every query takes `at_least`.

use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::agents::agent_no;
use super::instant;
use super::reply::Reply;
use super::request::{Caller, Named, Params, minted};
use super::view::{RecordReply, RecordView, RecordsReply};
use super::{Api, Problem, Routes};
use crate::base::bounds::LIST_PAGE_MAX;
use crate::base::{ContactId, GroupNo, Utc};
use crate::event::words::Disposition;
use crate::site::Site;
use crate::store::query::{Cursor, Filter, Start};
use crate::switch::Code;
use crate::switch::permission::Permission;

const LIST_PAGE: usize = 50;

pub fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(list_contacts)).routes(routes!(get_contact))
}

/// For queries that have no other parameter.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AtLeast {
    /// A `seq`: the answer holds at least this event. Waits up to 1 s, then 503 with `reached`.
    pub at_least: Option<u64>,
}

impl AtLeast {
    /// The seq that the records have reached, not below the one asked for.
    pub async fn wait(&self, api: &Api) -> Result<u64, Problem> {
        api.archive.at_least(self.at_least.unwrap_or(0)).await
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ContactsQuery {
    /// A `seq`: the answer holds at least this event. Waits up to 1 s, then 503 with `reached`.
    pub at_least: Option<u64>,
    /// Opened at this time or later, RFC 3339.
    pub since: Option<String>,
    /// Opened before this time, RFC 3339.
    pub before: Option<String>,
    /// Somebody who talked in it: an agent's id, or `no:` and his number.
    pub agent: Option<String>,
    /// A group it waited in: the group's id, or `no:` and its number.
    pub group: Option<String>,
    /// The caller, exactly.
    pub from: Option<String>,
    /// Whom he called, exactly.
    pub to: Option<String>,
    /// How it ended, as in the record.
    pub disposition: Option<String>,
    /// `true`: those that live; `false`: those that have ended.
    pub open: Option<bool>,
    /// Rows of the page, 1 to 500; 50 when absent.
    pub limit: Option<usize>,
    /// Where the page before ended. Not together with `offset`.
    pub cursor: Option<String>,
    /// Rows to leave out; the answer then has the exact `total`.
    pub offset: Option<u64>,
}

impl ContactsQuery {
    fn filter(&self, site: &Site) -> Result<Filter, Problem> {
        let disposition = self.disposition.as_deref().map(|text| {
            let word = serde_json::from_value::<Disposition>(text.into());
            word.map_err(|_| Problem::field("disposition", format!("there is no disposition `{text}`")))
        });
        let unknown = |field: &str, id: &str| Problem::field(field, format!("this tenant has no {field} `{id}`"));
        let agent = self.agent.as_deref().map(|id| agent_no(site, id).ok_or_else(|| unknown("agent", id)));
        let group = self.group.as_deref().map(|id| group_no(site, id).ok_or_else(|| unknown("group", id)));
        Ok(Filter {
            since: self.since.as_deref().map(|text| instant::read("since", text)).transpose()?,
            until: self.before.as_deref().map(|text| instant::read("before", text)).transpose()?,
            agent: agent.transpose()?,
            group: group.transpose()?,
            from: self.from.clone(),
            to: self.to.clone(),
            disposition: disposition.transpose()?,
            closed: self.open.map(|open| !open),
        })
    }

    fn start(&self) -> Result<Start, Problem> {
        match (&self.cursor, self.offset) {
            (None, None) => Ok(Start::After(NEWEST)),
            (None, Some(offset)) => Ok(Start::Offset(offset)),
            (Some(text), None) => read_cursor(text).map(Start::After),
            (Some(_), Some(_)) => {
                Err(Problem::field("offset", "a page begins at `cursor` or at `offset`, not at both"))
            }
        }
    }

    fn limit(&self) -> Result<usize, Problem> {
        match self.limit.unwrap_or(LIST_PAGE) {
            limit @ 1..=LIST_PAGE_MAX => Ok(limit),
            limit => Err(Problem::field("limit", format!("`limit` is 1 to {LIST_PAGE_MAX}, not {limit}"))),
        }
    }
}

/// Before every contact in the order of lists.
const NEWEST: Cursor = Cursor { opened_at: Utc(i64::MAX), contact: ContactId(i64::MAX as u64) };

fn write_cursor(cursor: Cursor) -> String {
    format!("{}-{}", cursor.opened_at.0, cursor.contact)
}

fn read_cursor(text: &str) -> Result<Cursor, Problem> {
    let parts = text.split_once('-').and_then(|(at, contact)| Some((at.parse().ok()?, contact.parse().ok()?)));
    let (at, contact) = parts.ok_or_else(|| Problem::field("cursor", "`cursor` is what the page before gave"))?;
    Ok(Cursor { opened_at: Utc(at), contact })
}

pub fn group_no(site: &Site, id: &str) -> Option<GroupNo> {
    if let Some(no) = id.strip_prefix("no:") {
        return no.parse().ok().map(GroupNo);
    }
    site.groups.values().find(|group| group.id == id).map(|group| group.no)
}

/// Records of contacts, newest first, also of those that live.
///
/// Pages go on by `cursor`, which is stable while contacts come in; `offset` gives the exact `total` with it.
#[utoipa::path(get, path = "/v1/contacts", tag = "contacts", params(ContactsQuery),
    responses((status = 200, body = RecordsReply)))]
async fn list_contacts(caller: Caller, Params(query): Params<ContactsQuery>) -> Result<Reply<RecordsReply>, Problem> {
    caller.may(Permission::ContactsRead)?;
    let (filter, start, limit) = (query.filter(&caller.site)?, query.start()?, query.limit()?);
    let seq = AtLeast { at_least: query.at_least }.wait(&caller.api).await?;
    let page = caller.api.archive.contacts(caller.tenant.no, filter, start, limit).await?;
    let cursor = page.next.map(write_cursor);
    let contacts = page.contacts.iter().map(|record| RecordView::new(record, &caller.lens())).collect();
    Ok(Reply::ok(seq, RecordsReply { seq, contacts, cursor, total: page.total }))
}

/// The record of one contact, also while it lives.
#[utoipa::path(get, path = "/v1/contacts/{contact}", tag = "contacts",
    params(("contact" = String, Path, description = "the contact's id"), AtLeast),
    responses((status = 200, body = RecordReply)))]
async fn get_contact(
    caller: Caller,
    Named(contact): Named,
    Params(query): Params<AtLeast>,
) -> Result<Reply<RecordReply>, Problem> {
    caller.may(Permission::ContactsRead)?;
    let contact = minted("contact", &contact)?;
    let seq = query.wait(&caller.api).await?;
    let record = caller.api.archive.contact(caller.tenant.no, contact).await?;
    let record = record.ok_or_else(|| Problem::new(Code::NotFound, "there is no record of this contact"))?;
    Ok(Reply::ok(seq, RecordReply { seq, contact: RecordView::new(&record, &caller.lens()) }))
}
