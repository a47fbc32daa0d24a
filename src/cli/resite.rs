//! Sites and flows change while the house runs. A site is saved first, then live in the tenant machine, the gate and the
//! door; flows are files, and a bad one leaves the old in force. Leaves what a change touches to the machine
//! (`Input::Site`), which journals it.

use std::sync::Arc;

use super::files::{self, Failure};
use super::house::House;
use super::sites;
use crate::base::TenantNo;
use crate::event::words::{AlarmKind, By};
use crate::site::{self, Passwords};
use crate::switch::Code;
use crate::switch::door::{Refusal, SiteAsked, SiteTold, SiteWish};
use crate::tenant::words::Input;

impl House {
    pub(super) async fn site_asked(&mut self, asked: SiteAsked) {
        let SiteAsked { tenant, wish, reply } = asked;
        let told = match wish {
            SiteWish::Export { passwords } => self.export_site(tenant, passwords),
            SiteWish::Apply { name, text, dry_run, by } => self.apply_site(tenant, (&name, &text), dry_run, by).await,
        };
        let told = told.map_err(|Failure(text)| Refusal::new(Code::BadRequest, text));
        // Whoever asked may have gone; a change stands all the same.
        if reply.send(told).is_err() {
            tracing::debug!("nobody waits for this answer any more");
        }
    }

    /// Flows are files: loaded on change. A bad one is refused whole and the old version stays.
    pub(super) fn reload_flows(&mut self) {
        let texts = match files::dialplans(&self.settings.paths.dialplans) {
            Ok(texts) => texts,
            Err(Failure(text)) => return tracing::error!("{text}"),
        };
        for tenant in &self.tenants {
            match files::flows(&texts, &self.library, &tenant.site) {
                Ok(flows) => tenant.lanes.put(Input::Flows(Arc::new(flows))),
                Err(problems) => {
                    let text = crate::config::print(&problems);
                    tracing::error!("a flow was refused, the old version stays\n{text}");
                    self.alarm(AlarmKind::FileRefused, &text);
                }
            }
        }
        self.dialplans = texts;
    }

    fn export_site(&self, tenant: TenantNo, passwords: bool) -> Result<SiteTold, Failure> {
        let running = self.tenants.iter().find(|running| running.site.tenant == tenant);
        let site = running.map(|running| &running.site).ok_or_else(unknown)?;
        let shown = if passwords { Passwords::Shown } else { Passwords::Hidden };
        Ok(SiteTold { text: site::export(site, shown), changed: false, passwords: Vec::new() })
    }

    async fn apply_site(
        &mut self,
        tenant: TenantNo,
        (name, text): (&str, &str),
        dry_run: bool,
        by: By,
    ) -> Result<SiteTold, Failure> {
        let file = site::load(name, text)?;
        let running = self.tenants.iter_mut().find(|running| running.site.tenant == tenant).ok_or_else(unknown)?;
        if file.key() != running.site.key {
            let what = format!("the file is of tenant `{}`, not of `{}`", file.key(), running.site.key);
            return Err(Failure::new(what, "send it to that tenant; a new one begins with `cordboard serve --site`"));
        }
        let keys = files::flow_keys(&self.dialplans);
        sites::check_outside(&file, &keys, &self.library)?;
        // The disk may take its time; other tasks have threads of their own.
        let planned = tokio::task::block_in_place(|| sites::plan(&self.site_store, &self.settings.data, file, &keys));
        let mut change = planned?;
        let flows = files::flows(&self.dialplans, &self.library, &change.site)?;
        if dry_run || !change.is_one() {
            return Ok(SiteTold { text: change.difference, changed: false, passwords: Vec::new() });
        }
        tokio::task::block_in_place(|| sites::commit(&self.site_store, &self.settings.data, &change))?;
        sites::resolve_trunks(std::slice::from_mut(&mut change.site)).await;
        let site = Arc::new(change.site);
        running.lanes.put(Input::Flows(Arc::new(flows)));
        running.lanes.put(Input::Site { site: Arc::clone(&site), by });
        self.gate.set_tenant(Arc::clone(&site), Arc::clone(&running.lanes));
        self.door.set_site(tenant, Arc::clone(&site));
        tracing::info!(tenant = site.key, version = site.version, "the site was changed");
        running.site = site;
        Ok(SiteTold { text: change.difference, changed: true, passwords: change.made })
    }
}

fn unknown() -> Failure {
    Failure::new("there is no such tenant", "name one that this server runs")
}
