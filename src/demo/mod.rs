//! demo
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
#[derive(clap::Args, Clone, Debug)]
pub struct DemoArgs {
    /// Folder for the demo's data and recordings
    #[arg(long, value_name = "DIR", default_value = "demo-data")]
    pub data: PathBuf,
}
impl DemoArgs {
    pub fn settings_file(&self) -> PathBuf {
        self.data.join("demo.toml")
    }
    pub fn site_file(&self) -> PathBuf {
        self.data.join("demo.yaml")
    }
}
pub fn prepare(_: &DemoArgs) -> std::io::Result<()> {
    Ok(())
}
pub async fn run(_: &DemoArgs, _: SocketAddr, _: &Path) -> Result<(), String> {
    Ok(())
}
