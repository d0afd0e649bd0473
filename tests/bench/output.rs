use std::fs;
use std::path::Path;

use crate::contestant::Failure;

/// Writes a chart into the folder and says where it is.
pub(crate) fn write_chart(folder: &Path, name: &str, svg: &str) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    let file = folder.join(name);
    fs::write(&file, svg)?;
    eprintln!("the chart is in {}", file.display());
    Ok(())
}
