//! The tenants' sites: read from files once, kept in site.db, which is the truth afterwards; `apply` and `export`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::ServeArgs;
use super::files::{self, Failure};
use crate::base::{Rng, TenantNo};
use crate::media::sound::Library;
use crate::site::{self, Numbering, Outside, Passwords, Site, SiteFile};
use crate::store::SiteStore;
use crate::store::secrets::Secrets;

/// What a first start made up and shows once.
#[derive(Clone, Debug, Default)]
pub struct Generated {
    /// Extension and password, by tenant's key.
    pub passwords: BTreeMap<String, Vec<(String, String)>>,
}

/// Letters and digits of a generated password: 80 bits.
const PASSWORD_LENGTH: usize = 16;

/// Site files as (name, text): the file or folder named, or the demo site.
pub fn texts(args: &ServeArgs) -> Result<Vec<(String, String)>, Failure> {
    let Some(path) = &args.site else { return Ok(vec![("demo site".to_owned(), site::DEMO.to_owned())]) };
    if !path.is_dir() {
        return Ok(vec![(path.display().to_string(), files::read(path)?)]);
    }
    let found = files::files_in(path, &["yaml", "yml"])?;
    if found.is_empty() {
        return Err(Failure::new(
            format_args!("`{}` holds no site file", path.display()),
            "put one `.yaml` per tenant there",
        ));
    }
    found.iter().map(|path| Ok((path.display().to_string(), files::read(path)?))).collect()
}

/// What the files name outside of themselves is there.
pub fn check_outside(file: &SiteFile, flows: &[&str], library: &Library) -> Result<(), Failure> {
    let areas = |prefix: &str| -> Vec<&str> { library.keys().filter_map(|key| key.strip_prefix(prefix)).collect() };
    let languages: Vec<&str> = library
        .keys()
        .filter_map(|key| key.split_once('/'))
        .map(|(area, _)| area)
        .filter(|area| !["music", "tones"].contains(area))
        .collect();
    let mut problems = file.missing(Outside::Flow, flows);
    problems.extend(file.missing(Outside::Music, &areas("music/")));
    problems.extend(file.missing(Outside::Language, &languages));
    if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
}

/// Opens site.db beside its key.
pub fn open_store(data: &Path, on_saved: crate::store::site::OnSaved) -> Result<SiteStore, Failure> {
    let made = std::fs::create_dir_all(data);
    made.map_err(|error| Failure::new(format_args!("`{}` cannot be made: {error}", data.display()), "set `data`"))?;
    let secrets = Secrets::at(&data.join("key"))
        .map_err(|error| Failure::new(error, "restore the key file that belongs to this `site.db`"))?;
    SiteStore::open(&data.join("site.db"), Arc::new(secrets), on_saved).map_err(|error| store_failure(data, &error))
}

pub fn store_failure(data: &Path, error: &crate::store::StoreError) -> Failure {
    Failure::new(
        format_args!("the data in `{}` cannot be used: {error}", data.display()),
        "check space and permissions, or start with another `--data`",
    )
}

/// Tenants of the files that the store does not have are saved; then all stored tenants are planned.
pub fn load(
    store: &SiteStore,
    args: &ServeArgs,
    data: &Path,
    flows: &[&str],
    library: &Library,
    rng: &mut Rng,
) -> Result<(Vec<Site>, Generated), Failure> {
    let failure = |error| store_failure(data, &error);
    let stored: Vec<String> =
        store.load_sites().map_err(failure)?.into_iter().filter(|s| s.document.is_some()).map(|s| s.key).collect();
    let mut generated = Generated::default();
    if args.site.is_some() || stored.is_empty() {
        for file in site::load_all(&texts(args)?)? {
            let key = file.key().to_owned();
            if stored.contains(&key) {
                tracing::info!(tenant = key, "the site of this tenant is kept as stored; `cordboard apply` changes it");
                continue;
            }
            check_outside(&file, flows, library)?;
            let tenant = store.tenant(&key).map_err(failure)?;
            let passwords = save(store, tenant, Numbering::new(tenant), file, flows, rng).map_err(failure)?;
            if !passwords.is_empty() {
                generated.passwords.insert(key, passwords);
            }
        }
    }
    let mut sites = Vec::new();
    for row in store.load_sites().map_err(failure)? {
        let Some(document) = &row.document else { continue };
        let file = site::load(&format!("site of tenant {}", row.key), document)?;
        let numbering = numbering(&row.numbering, row.tenant);
        sites.push(site::plan(numbering, file, flows, &mut |_| String::new()).0);
    }
    Ok((sites, generated))
}

/// A trunk's host name is looked up once per start; what cannot be found leaves the trunk unusable until then.
pub async fn resolve_trunks(sites: &mut [Site]) {
    let trunks = sites.iter_mut().flat_map(|site| site.trunks.values_mut());
    for trunk in trunks.filter(|t| t.send.ip.is_none()) {
        match tokio::net::lookup_host((trunk.send.host.as_str(), trunk.send.port)).await {
            Ok(mut found) => trunk.send.ip = found.next().map(|address| address.ip()),
            Err(error) => tracing::warn!(trunk = trunk.id, host = trunk.send.host, %error, "trunk not found"),
        }
    }
}

fn numbering(json: &str, tenant: TenantNo) -> Numbering {
    serde_json::from_str(json).unwrap_or_else(|_| Numbering::new(tenant))
}

/// Plans a file and saves it with the passwords it has now. Returns those that were made up.
fn save(
    store: &SiteStore,
    tenant: TenantNo,
    before: Numbering,
    file: SiteFile,
    flows: &[&str],
    rng: &mut Rng,
) -> Result<Vec<(String, String)>, crate::store::StoreError> {
    let mut made = Vec::new();
    let (site, numbering) = site::plan(before, file, flows, &mut |number| {
        let password = rng.token(PASSWORD_LENGTH);
        made.push((number.to_owned(), password.clone()));
        password
    });
    let numbering = serde_json::to_string(&numbering).unwrap_or_default();
    store.save_site(tenant, &numbering, &site::export(&site, Passwords::Shown))?;
    Ok(made)
}

/// The difference of a file that says what is so already.
const UNCHANGED: &str = "nothing changes\n";
/// Of a file that says it in another order.
const REORDERED: &str = "the same in another order\n";

/// What a file would make of a tenant's site.
pub struct Change {
    pub site: Site,
    numbering: Numbering,
    /// What changes, line by line; [`UNCHANGED`] if nothing does.
    pub difference: String,
    /// Extensions that had no password anywhere, and the one made up.
    pub made: Vec<(String, String)>,
}

impl Change {
    /// Anything would change.
    pub fn is_one(&self) -> bool {
        self.difference != UNCHANGED
    }
}

/// Plans a file over what is stored of its tenant; an extension without a password keeps the one it has.
pub fn plan(store: &SiteStore, data: &Path, new: SiteFile, flows: &[&str]) -> Result<Change, Failure> {
    let failure = |error| store_failure(data, &error);
    let tenant = store.tenant(new.key()).map_err(failure)?;
    let rows = store.load_sites().map_err(failure)?;
    let stored = rows.into_iter().find(|row| row.tenant == tenant);
    let before = stored.as_ref().map_or_else(|| Numbering::new(tenant), |row| numbering(&row.numbering, tenant));
    let old = match stored.and_then(|row| row.document) {
        Some(text) => {
            Some(site::plan(before.clone(), site::load("stored site", &text)?, flows, &mut |_| String::new()).0)
        }
        None => None,
    };
    let kept = |number: &str| {
        let extension = old.as_ref().and_then(|site| site.extension(number));
        extension.map(|e| e.password.0.clone()).unwrap_or_default()
    };
    let mut rng = super::house::rng()?;
    let mut made = Vec::new();
    let (site, numbering) = site::plan(before, new, flows, &mut |number| {
        let password = kept(number);
        if !password.is_empty() {
            return password;
        }
        let password = rng.token(PASSWORD_LENGTH);
        made.push((number.to_owned(), password.clone()));
        password
    });
    let texts = |site: &Site| [Passwords::Hidden, Passwords::Shown].map(|passwords| site::export(site, passwords));
    let difference = difference(&old.as_ref().map(texts).unwrap_or_default(), &texts(&site));
    Ok(Change { site, numbering, difference, made })
}

/// From here on the planned site is the tenant's.
pub fn commit(store: &SiteStore, data: &Path, change: &Change) -> Result<(), Failure> {
    let numbering = serde_json::to_string(&change.numbering).unwrap_or_default();
    let saved = store.save_site(change.site.tenant, &numbering, &site::export(&change.site, Passwords::Shown));
    saved.map_err(|error| store_failure(data, &error))
}

/// `cordboard apply FILE`: on the data of a server that is not running, or else through its API.
pub fn apply(file: &Path, args: &ServeArgs, dry_run: bool, token: Option<String>) -> Result<(), Failure> {
    let settings = files::settings(args)?;
    let text = files::read(file)?;
    let new = site::load(&file.display().to_string(), &text)?;
    let Ok(_lock) = super::house::lock(&settings.data) else {
        return super::remote::apply(&settings, new.key(), &text, dry_run, token);
    };
    let library = files::sounds(&settings.paths.sounds)?;
    let dialplans = files::dialplans(&settings.paths.dialplans)?;
    let flows = files::flow_keys(&dialplans);
    check_outside(&new, &flows, &library)?;
    let store = open_store(&settings.data, Box::new(|_, _| {}))?;
    let change = plan(&store, &settings.data, new, &flows)?;
    print!("{}", change.difference);
    if !dry_run && change.is_one() {
        commit(&store, &settings.data, &change)?;
        for (number, password) in &change.made {
            println!("password of {number}: {password}");
        }
    }
    store.close();
    Ok(())
}

pub fn export(args: &ServeArgs, tenant: Option<&str>, passwords: bool) -> Result<(), Failure> {
    let settings = files::settings(args)?;
    let store = open_store(&settings.data, Box::new(|_, _| {}))?;
    let rows = store.load_sites().map_err(|error| store_failure(&settings.data, &error))?;
    let rows: Vec<_> = rows.into_iter().filter(|row| row.document.is_some()).collect();
    let row = match (tenant, rows.as_slice()) {
        (None, [one]) => one,
        (None, []) => return Err(Failure::new("there is no tenant yet", "`cordboard serve --site FILE` makes one")),
        (None, many) => {
            let keys: Vec<&str> = many.iter().map(|row| row.key.as_str()).collect();
            return Err(Failure::new(
                "there are several tenants",
                format_args!("name one: --tenant {}", keys.join("|")),
            ));
        }
        (Some(key), rows) => rows.iter().find(|row| row.key == key).ok_or_else(|| {
            Failure::new(format_args!("there is no tenant `{key}`"), "see the `tenant:` of its site file")
        })?,
    };
    let document = row.document.as_deref().unwrap_or_default();
    let file = site::load("stored site", document)?;
    let site = site::plan(numbering(&row.numbering, row.tenant), file, &[], &mut |_| String::new()).0;
    print!("{}", site::export(&site, if passwords { Passwords::Shown } else { Passwords::Hidden }));
    store.close();
    Ok(())
}

/// Lines that are only in one of two exports, each object being one line: `-` was, `+` is, `~` has another password. An
/// export is given without its passwords and with them; only the former is shown. What only stands in another order is a
/// change too: the first route that fits is taken, and `top-down` goes by it.
fn difference(old: &[String; 2], new: &[String; 2]) -> String {
    fn lines([hidden, shown]: &[String; 2]) -> BTreeMap<&str, &str> {
        hidden.lines().zip(shown.lines()).collect()
    }
    let (was, is) = (lines(old), lines(new));
    let gone = old[0].lines().filter(|line| !is.contains_key(line)).map(|line| format!("-{line}\n"));
    let come = new[0].lines().filter_map(|line| match was.get(line) {
        None => Some(format!("+{line}\n")),
        Some(before) => (*before != is[line]).then(|| format!("~{line}\n")),
    });
    let text: String = gone.chain(come).collect();
    match text.is_empty() {
        true if old[1] == new[1] => UNCHANGED.to_owned(),
        true => REORDERED.to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_names_what_goes_and_what_comes() {
        let open = |text: &str| [text.to_owned(), text.to_owned()];
        let secret = |hidden: &str, shown: &str| [hidden.to_owned(), shown.to_owned()];
        assert_eq!(difference(&open("a: 1\nb: 2\n"), &open("a: 1\nb: 3\n")), "-b: 2\n+b: 3\n");
        assert_eq!(difference(&open("a: 1\n"), &open("a: 1\n")), UNCHANGED);
        let (before, after) = (secret("c\nd\n", "c x\nd y\n"), secret("c\nd\n", "c x\nd z\n"));
        assert_eq!(difference(&before, &after), "~d\n");
        assert_eq!(difference(&before, &before), UNCHANGED);
        assert_eq!(difference(&open("a\nb\n"), &open("b\na\n")), REORDERED);
    }
}
