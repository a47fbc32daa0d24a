//! Records of contacts: lists by cursor or by offset, and one by its id. Every query takes `at_least`.

use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::agents::agent_no;
use super::archive::{PageStart, RecordFilter};
use super::instant;
use super::reply::Reply;
use super::request::{Caller, Named, Params, minted};
use super::view::{RecordReply, RecordView, RecordsReply};
use super::{Api, Problem, Routes};
use crate::base::bounds::{LIST_PAGE_MAX, RECORDS_WAIT};
use crate::base::{ContactId, GroupNo, NumberNo};
use crate::event::words::Disposition;
use crate::site::Site;
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
        let mut reached = api.archive.reached();
        let wanted = self.at_least.unwrap_or(0);
        let waiting = reached.wait_for(|seq| *seq >= wanted);
        let got =
            tokio::time::timeout(RECORDS_WAIT.to_std(), waiting).await.ok().and_then(|got| got.ok().map(|seq| *seq));
        got.ok_or_else(|| {
            let reached = *api.archive.reached().borrow();
            Problem::new(Code::NotCaughtUp, format!("the records have reached {reached}")).with("reached", reached)
        })
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
    /// The number that was called: as in the site, or `no:` and its number.
    pub number: Option<String>,
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
    /// Counts the exact `total` also without `offset`.
    pub total: Option<bool>,
}

impl ContactsQuery {
    fn filter(&self, site: &Site) -> Result<RecordFilter, Problem> {
        let disposition = self.disposition.as_deref().map(|text| {
            let word = serde_json::from_value::<Disposition>(text.into());
            word.map_err(|_| Problem::field("disposition", format!("there is no disposition `{text}`")))
        });
        let unknown = |field: &str, id: &str| Problem::field(field, format!("this tenant has no {field} `{id}`"));
        let agent = self.agent.as_deref().map(|id| agent_no(site, id).ok_or_else(|| unknown("agent", id)));
        let group = self.group.as_deref().map(|id| group_no(site, id).ok_or_else(|| unknown("group", id)));
        let number = self.number.as_deref().map(|id| number_no(site, id).ok_or_else(|| unknown("number", id)));
        Ok(RecordFilter {
            since: self.since.as_deref().map(|text| instant::read("since", text)).transpose()?,
            before: self.before.as_deref().map(|text| instant::read("before", text)).transpose()?,
            agent: agent.transpose()?,
            group: group.transpose()?,
            number: number.transpose()?,
            from: self.from.clone(),
            to: self.to.clone(),
            disposition: disposition.transpose()?,
            open: self.open,
        })
    }

    fn start(&self) -> Result<PageStart, Problem> {
        match (&self.cursor, self.offset) {
            (None, None) => Ok(PageStart::First),
            (None, Some(offset)) => Ok(PageStart::Offset(offset)),
            (Some(cursor), None) => {
                let id = cursor.strip_prefix('c').and_then(|text| text.parse().ok());
                let id = id.ok_or_else(|| Problem::field("cursor", "`cursor` is what the page before gave"))?;
                Ok(PageStart::Behind(ContactId(id)))
            }
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

fn group_no(site: &Site, id: &str) -> Option<GroupNo> {
    if let Some(no) = id.strip_prefix("no:") {
        return no.parse().ok().map(GroupNo);
    }
    site.groups.values().find(|group| group.id == id).map(|group| group.no)
}

fn number_no(site: &Site, id: &str) -> Option<NumberNo> {
    if let Some(no) = id.strip_prefix("no:") {
        return no.parse().ok().map(NumberNo);
    }
    site.numbers.values().find(|number| number.number == id).map(|number| number.no)
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
    let count = query.total.unwrap_or(false) || query.offset.is_some();
    let page = caller.api.archive.contacts(caller.tenant.no, &filter, start, limit, count).await?;
    let cursor = page.records.last().filter(|_| page.more).map(|record| format!("c{}", record.contact));
    let contacts = page.records.iter().map(|record| RecordView::new(record, &caller.lens())).collect();
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
