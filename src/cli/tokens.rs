//! The tokens of the API at start: those stored, those the settings name, and the first admin token.

use std::path::Path;

use super::files::Failure;
use super::sites;
use crate::api::Door;
use crate::base::Rng;
use crate::config::Settings;
use crate::store::{self, SiteStore};
use crate::switch::door::{Scope, TokenRow};
use crate::switch::permission::{Permission, Permissions};

/// Characters of a generated admin token: 160 bits.
const TOKEN_LENGTH: usize = 32;

/// Tokens of site.db, and the first admin token. Returns it when it was made up.
pub fn load(
    settings: &Settings,
    store: &SiteStore,
    door: &Door,
    rng: &mut Rng,
    data: &Path,
) -> Result<Option<String>, Failure> {
    let failure = |error| sites::store_failure(data, &error);
    let named: Vec<String> = settings.http.iter().filter_map(|h| h.token.as_ref()).map(|s| s.0.clone()).collect();
    let mut stored = store.load_tokens().map_err(failure)?;
    let mut shown = None;
    let mut wanted = named;
    if wanted.is_empty() && stored.is_empty() {
        let token = rng.token(TOKEN_LENGTH);
        shown = Some(token.clone());
        wanted.push(token);
    }
    for text in wanted {
        let digest = TokenRow::digest_of(&text);
        if !stored.iter().any(|token| token.digest == digest) {
            let permissions: Vec<&str> = Permissions::ADMIN.list().map(Permission::text).collect();
            let permissions = permissions.join(" ");
            let token = store::site::StoredToken { no: 0, digest, tenant: None, permissions, name: "admin".to_owned() };
            store.save_token(token).map_err(failure)?;
            stored = store.load_tokens().map_err(failure)?;
        }
    }
    door.set_tokens(stored.into_iter().map(token_row).collect());
    Ok(shown)
}

fn token_row(stored: store::site::StoredToken) -> TokenRow {
    TokenRow {
        no: stored.no,
        name: stored.name,
        scope: stored.tenant.map_or(Scope::Node, Scope::Tenant),
        // A permission of another version is one that this program does not give.
        permissions: Permissions::of(&stored.permissions.split(' ').filter_map(|p| p.parse().ok()).collect::<Vec<_>>()),
        digest: stored.digest,
    }
}
