//! Python: the SDK's own build command makes the component, and its words are what the user sees.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::files::{Anew, File};
use crate::exit::BadInput;
use crate::files;

pub(super) const TEMPLATE: &[File] = &[
    ("pyproject.toml", include_str!("../../templates/python/pyproject.toml.template")),
    ("{module}.py", include_str!("../../templates/python/guest.py.template")),
    ("test_{module}.py", include_str!("../../templates/python/test_guest.py.template")),
    ("README.md", include_str!("../../templates/python/README.md.template")),
    ("input.json", include_str!("../../templates/rust/input.json.template")),
    (".gitignore", include_str!("../../templates/python/gitignore.template")),
];

/// Bytes of a `pyproject.toml`, which people write.
const PROJECT_BYTES_MAX: usize = 1 << 20;

/// What starts a Python of a version that the SDK runs on.
const PYTHON: &str = "python3";

/// Builds the module that has the project's name.
pub(super) fn build(folder: &Path, anew: Anew) -> anyhow::Result<PathBuf> {
    let name = project_name(folder)?;
    let file = folder.join(format!("{}.py", name.replace('-', "_")));
    if !file.is_file() {
        let message =
            format!("`{}` is missing (the saga is in the module that has the project's name)", file.display());
        return Err(BadInput::new(message).into());
    }
    let component = folder.join(format!("{name}.wasm"));
    let sdk = sdk(folder)?;
    let mut python = Command::new(PYTHON);
    // `-P`: a `json.py` in the folder is the user's own, and not the one that the build imports.
    python.args(["-P", "-m", "wasaga.build"]).arg(&file).arg("--output").arg(&component).env("PYTHONPATH", &sdk);
    if anew == Anew::Always {
        python.arg("--fresh");
    }
    let status = python.status().map_err(|error| {
        BadInput::new(format!("`{PYTHON}` cannot be started: {error} (install Python 3.11 or later, with venv)"))
    })?;
    if !status.success() {
        return Err(BadInput::new("the guest cannot be built; the reason is above").into());
    }
    Ok(component)
}

/// The project's own SDK, or where it has none that of this binary.
fn sdk(folder: &Path) -> anyhow::Result<PathBuf> {
    let own = folder.join("vendor");
    if own.join("wasaga/build.py").is_file() {
        return Ok(own.canonicalize()?);
    }
    let directories = crate::wiring::directories()?;
    let place = directories.cache_dir().join("sdk").join(super::vendor::python_sdk_digest()).join("python");
    if !place.join("wasaga/build.py").is_file() {
        super::vendor::python_sdk(&place)?;
    }
    Ok(place)
}

fn project_name(folder: &Path) -> anyhow::Result<String> {
    let path = folder.join("pyproject.toml");
    let wrong = |what: String| BadInput::new(format!("`{}`: {what}", path.display()));
    let text =
        files::read_text(&path, PROJECT_BYTES_MAX).map_err(|error| wrong(format!("it cannot be read: {error}")))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
    let name = table.get("project").and_then(|project| project.get("name")).and_then(toml::Value::as_str);
    let name = name.ok_or_else(|| wrong("it has no `name` under `[project]`".into()))?;
    if !is_name(name) {
        let name = name.escape_debug();
        return Err(wrong(format!("`{name}` is no name of a project (letters, digits, `-`, `_` and `.`)")).into());
    }
    Ok(name.to_owned())
}

/// Whether it names a project as Python's packages are named, and so no other folder.
fn is_name(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_outer = |c: char| c.is_ascii_alphanumeric();
    name.chars().all(is_inner) && name.starts_with(is_outer) && name.ends_with(is_outer)
}

#[cfg(test)]
mod tests {
    use super::{is_name, project_name};

    /// S20: a name is joined to the folder, so it must not lead out of it.
    #[test]
    fn a_name_leads_nowhere_else() {
        for name in ["shop", "my-shop.2", "a_b"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "..", "../shop", "/etc/shop", "a/b", "a b", "-x", "sh\u{e4}p", "a\n"] {
            assert!(!is_name(name), "{name:?}");
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pyproject.toml"), "[project]\nname = \"../shop\"\n").unwrap();
        let refused = project_name(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("`../shop` is no name of a project"), "{refused}");
    }
}
