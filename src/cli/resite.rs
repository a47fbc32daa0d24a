//! A tenant's site is read or changed while the house runs: saved first, then live in the tenant machine, the gate and
//! the door. Leaves what the change touches to the machine (`Input::Site`), which journals it.

use std::sync::Arc;

use super::files::{self, Failure};
use super::house::House;
use super::sites;
use crate::base::TenantNo;
use crate::site::{self, Passwords};
use crate::switch::Code;
use crate::switch::door::{Refusal, SiteAsked, SiteTold, SiteWish};
use crate::tenant::words::Input;

impl House {
    pub(super) async fn site_asked(&mut self, asked: SiteAsked) {
        let SiteAsked { tenant, wish, reply } = asked;
        let told = match wish {
            SiteWish::Export { passwords } => self.export_site(tenant, passwords),
            SiteWish::Apply { name, text, dry_run } => self.apply_site(tenant, &name, &text, dry_run).await,
        };
        let told = told.map_err(|Failure(text)| Refusal::new(Code::BadRequest, text));
        // Whoever asked may have gone; a change stands all the same.
        if reply.send(told).is_err() {
            tracing::debug!("nobody waits for this answer any more");
        }
    }

    fn export_site(&self, tenant: TenantNo, passwords: bool) -> Result<SiteTold, Failure> {
        let running = self.tenants.iter().find(|running| running.site.tenant == tenant);
        let site = running.map(|running| &running.site).ok_or_else(unknown)?;
        let shown = if passwords { Passwords::Shown } else { Passwords::Hidden };
        Ok(SiteTold { text: site::export(site, shown), passwords: Vec::new() })
    }

    async fn apply_site(
        &mut self,
        tenant: TenantNo,
        name: &str,
        text: &str,
        dry_run: bool,
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
        if dry_run {
            return Ok(SiteTold { text: change.difference, passwords: Vec::new() });
        }
        tokio::task::block_in_place(|| sites::commit(&self.site_store, &self.settings.data, &change))?;
        sites::resolve_trunks(std::slice::from_mut(&mut change.site)).await;
        let site = Arc::new(change.site);
        running.lanes.put(Input::Flows(Arc::new(flows)));
        running.lanes.put(Input::Site(Arc::clone(&site)));
        self.gate.set_tenant(Arc::clone(&site), Arc::clone(&running.lanes));
        self.door.set_site(tenant, Arc::clone(&site));
        tracing::info!(tenant = site.key, version = site.version, "the site was changed");
        running.site = site;
        Ok(SiteTold { text: change.difference, passwords: change.made })
    }
}

fn unknown() -> Failure {
    Failure::new("there is no such tenant", "name one that this server runs")
}
