//! No circle of imports between the files of a crate: what several files need lies below them, in a file of its own.
//! The test reads the sources with a parser and follows each path through re-exports to the file that defines it.
//! Deliberately absent: methods. A type whose methods stand in several files is one thing, told in chapters.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::Visit;

/// The crates whose files are looked at. The others still have circles; each joins the list when it has none.
const ROOTS: &[&str] = &[
    "host/core/src/lib.rs",
    "host/journal/src/lib.rs",
    "host/engine/src/lib.rs",
    "host/sandbox/src/lib.rs",
    "host/wasaga/src/main.rs",
    "sdk/rust-macros/src/lib.rs",
];

/// Re-exports that are followed for one name; more is a re-export of itself.
const HOPS_MAX: usize = 16;

/// A path from the root of the crate.
type Route = Vec<String>;

/// One module: a file, or a part of one.
#[derive(Default)]
struct Module {
    file: PathBuf,
    /// What it defines.
    items: BTreeSet<String>,
    /// What it brings in: the name here, and the path as it is written.
    uses: Vec<(String, Route)>,
    globs: Vec<Route>,
    /// Paths in its code that begin with `crate`, `super`, `self` or a module's name.
    paths: BTreeSet<Route>,
}

#[derive(Default)]
struct House {
    modules: BTreeMap<Route, Module>,
}

impl House {
    fn read(root: &Path) -> Self {
        let mut house = Self::default();
        let text = std::fs::read_to_string(root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
        let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
        let folder = root.parent().expect("a file lies in a folder").to_path_buf();
        house.module(Vec::new(), root, &folder, &file.items);
        house
    }

    fn module(&mut self, route: Route, file: &Path, folder: &Path, items: &[syn::Item]) {
        let mut module = Module { file: file.to_path_buf(), ..Module::default() };
        for item in items.iter().filter(|item| !is_test(item)) {
            match item {
                syn::Item::Mod(inner) => self.inner(&route, file, folder, inner),
                syn::Item::Use(import) => module.import(&mut Vec::new(), &import.tree),
                item => {
                    module.items.extend(defined(item));
                    Paths(&mut module.paths).visit_item(item);
                }
            }
        }
        self.modules.insert(route, module);
    }

    fn inner(&mut self, route: &Route, file: &Path, folder: &Path, inner: &syn::ItemMod) {
        let name = inner.ident.to_string();
        let route: Route = route.iter().cloned().chain([name.clone()]).collect();
        if let Some((_, items)) = &inner.content {
            return self.module(route, file, &folder.join(&name), items);
        }
        let beside = folder.join(format!("{name}.rs"));
        let path = if beside.is_file() { beside } else { folder.join(&name).join("mod.rs") };
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.module(route, &path, &folder.join(&name), &parsed.items);
    }

    /// The file that defines what a path names, as it is written in this module.
    fn find(&self, from: &Route, path: &[String], hops: usize) -> Option<&Path> {
        let mut at = from.clone();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" => (at, rest) = (Vec::new(), &rest[1..]),
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    at.pop()?;
                    rest = &rest[1..];
                }
            }
            first => {
                // A name that is neither a module nor something brought in here is of another crate.
                let here = self.modules.get(&at)?;
                let known = self.modules.contains_key(&joined(&at, first));
                if !known && !here.uses.iter().any(|(name, _)| name == first) {
                    return None;
                }
            }
        }
        self.descend(at, rest, hops)
    }

    fn descend(&self, mut at: Route, mut rest: &[String], hops: usize) -> Option<&Path> {
        if hops == 0 {
            return None;
        }
        while let Some(first) = rest.first() {
            let inner = joined(&at, first);
            if !self.modules.contains_key(&inner) {
                break;
            }
            (at, rest) = (inner, &rest[1..]);
        }
        let module = self.modules.get(&at)?;
        let Some(name) = rest.first() else { return Some(&module.file) };
        if module.items.contains(name) {
            return Some(&module.file);
        }
        let named = module.uses.iter().find(|(known, _)| known == name);
        if let Some((_, path)) = named {
            let whole: Route = path.iter().chain(&rest[1..]).cloned().collect();
            return self.find(&at, &whole, hops - 1);
        }
        module.globs.iter().find_map(|glob| {
            let whole: Route = glob.iter().chain(rest).cloned().collect();
            self.find(&at, &whole, hops - 1)
        })
    }

    /// Which file needs which, and by what names.
    fn arrows(&self) -> BTreeMap<(&Path, &Path), BTreeSet<String>> {
        let mut arrows: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for (route, module) in &self.modules {
            let uses = module.uses.iter().map(|(_, path)| path).chain(&module.globs);
            for path in uses.chain(&module.paths) {
                if let Some(to) = self.find(route, path, HOPS_MAX).filter(|to| *to != module.file) {
                    arrows.entry((module.file.as_path(), to)).or_default().insert(path.join("::"));
                }
            }
        }
        arrows
    }
}

impl Module {
    fn import(&mut self, before: &mut Route, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.import(before, &path.tree);
                before.pop();
            }
            syn::UseTree::Name(name) if name.ident == "self" => {
                self.uses.push((before.last().cloned().unwrap_or_default(), before.clone()));
            }
            syn::UseTree::Name(name) => {
                self.uses.push((name.ident.to_string(), joined(before, &name.ident.to_string())));
            }
            syn::UseTree::Rename(name) => {
                self.uses.push((name.rename.to_string(), joined(before, &name.ident.to_string())));
            }
            syn::UseTree::Glob(_) => self.globs.push(before.clone()),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(before, tree)),
        }
    }
}

/// Collects the paths of two or more parts that stand in code.
struct Paths<'a>(&'a mut BTreeSet<Route>);

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 && path.leading_colon.is_none() {
            self.0.insert(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        syn::visit::visit_path(self, path);
    }
}

fn joined(route: &[String], name: &str) -> Route {
    route.iter().cloned().chain([name.to_owned()]).collect()
}

fn defined(item: &syn::Item) -> Option<String> {
    let name = match item {
        syn::Item::Const(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Fn(item) => &item.sig.ident,
        syn::Item::Macro(item) => item.ident.as_ref()?,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        syn::Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

fn is_test(item: &syn::Item) -> bool {
    let attributes = match item {
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| attribute.path().is_ident("cfg") && quoted(attribute).contains("test"))
}

fn quoted(attribute: &syn::Attribute) -> String {
    format!("{:?}", attribute.meta)
}

/// The files that lie on a circle, each group of them with its arrows.
fn circles(arrows: &BTreeMap<(&Path, &Path), BTreeSet<String>>) -> Vec<String> {
    let mut reached: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
    for (from, to) in arrows.keys() {
        reached.entry(from).or_default().insert(to);
    }
    loop {
        let longer: Vec<_> = reached
            .iter()
            .map(|(from, known)| {
                let more = known.iter().filter_map(|to| reached.get(to)).flatten().copied();
                (*from, known.iter().copied().chain(more).collect::<BTreeSet<&Path>>())
            })
            .collect();
        let grown = longer.iter().any(|(from, known)| known.len() > reached[from].len());
        reached = longer.into_iter().collect();
        if !grown {
            break;
        }
    }
    let around = |one: &Path, other: &Path| {
        let reaches = |from: &Path, to: &Path| reached.get(from).is_some_and(|known| known.contains(to));
        reaches(one, other) && reaches(other, one)
    };
    let on_a_circle = arrows.iter().filter(|((from, to), _)| around(from, to));
    on_a_circle
        .map(|((from, to), names)| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!("{} needs {}: {}", from.display(), to.display(), names.join(", "))
        })
        .collect()
}

#[test]
fn no_file_needs_one_that_needs_it() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let all: Vec<String> = ROOTS.iter().flat_map(|root| circles(&House::read(&top.join(root)).arrows())).collect();
    let remedy = "what both need lies below them, in a file of its own";
    assert!(all.is_empty(), "files import each other in a circle ({remedy}):\n{}", all.join("\n"));
}

/// The test itself is tried: two files that need each other are found, also through a re-export.
#[test]
fn a_circle_is_found() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("it can be written");
    write("lib.rs", "mod one; mod two; pub use two::Two;");
    write("one.rs", "use crate::Two; pub struct One(Two);");
    write("two.rs", "pub struct Two; fn f() { let _: Option<crate::one::One> = None; }");
    let found = circles(&House::read(&folder.path().join("lib.rs")).arrows());
    assert_eq!(found.len(), 2, "{found:?}");
    write("two.rs", "pub struct Two;");
    assert_eq!(circles(&House::read(&folder.path().join("lib.rs")).arrows()), [""; 0]);
}
