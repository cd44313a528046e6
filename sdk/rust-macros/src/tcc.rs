//! A module of functions, read as a TCC.

use proc_macro2::TokenStream;
use syn::{Item, ItemFn, ItemMod, parse::Parser as _, spanned::Spanned as _};

use crate::marked::{Marked, marked, same};
use crate::operation::{Operation, Place, Rule, What};
use crate::provided;
use crate::settings::{ParticipantSettings, SettleSettings, TccSettings};
use crate::source::Source;
use crate::words::{all, docs, known, plain, same_name, taken};

const PARTICIPANT: &str = "a participant of this TCC";

/// A TCC that makes sense.
pub(crate) struct Tcc {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) settings: TccSettings,
    pub(crate) participants: Vec<Participant>,
}

pub(crate) struct Participant {
    pub(crate) id: String,
    pub(crate) description: String,
    pub(crate) settings: ParticipantSettings,
    pub(crate) attempt: Operation,
    /// How it is confirmed and cancelled; none where another module does it.
    pub(crate) settled: Option<[Settle; 2]>,
    /// What the three need, each name once: they are called with the same arguments.
    pub(crate) parameters: Vec<Argument>,
}

pub(crate) struct Settle {
    pub(crate) settings: SettleSettings,
    pub(crate) operation: Operation,
}

/// A parameter of the participant.
pub(crate) struct Argument {
    pub(crate) name: String,
    pub(crate) ty: syn::Type,
    pub(crate) required: bool,
    pub(crate) source: Source,
}

/// Why a participant cannot be read.
enum Unread {
    /// It has no confirm or no cancel.
    Missing(syn::Error),
    Wrong(syn::Error),
}

impl From<syn::Error> for Unread {
    fn from(error: syn::Error) -> Self {
        Self::Wrong(error)
    }
}

/// A participant whose other operations are not read yet.
struct Head {
    function: ItemFn,
    id: String,
    settings: ParticipantSettings,
}

/// The module without what was only for us, and what it says.
pub(crate) fn read(settings: TokenStream, module: TokenStream) -> syn::Result<(ItemMod, Tcc)> {
    let mut read = TccSettings::default();
    syn::meta::parser(|meta| read.read(&meta)).parse2(settings)?;
    let mut module: ItemMod = syn::parse2(module).map_err(|error| {
        syn::Error::new(error.span(), "`#[tcc]` belongs on a module: `#[tcc] pub mod transfer { … }`")
    })?;
    let Some((_, items)) = &mut module.content else {
        return Err(syn::Error::new(module.span(), "a TCC's module stands in the same file: `mod transfer { … }`"));
    };
    provided::declare(items);
    let participants = read_participants(items)?;
    if participants.is_empty() {
        let message = "this TCC has no participants (mark a function with `#[participant]`)";
        return Err(syn::Error::new(module.ident.span(), message));
    }
    let name = read.name.as_ref().map_or_else(|| plain(&module.ident), syn::LitStr::value);
    let tcc = Tcc { name, description: docs(&module.attrs), settings: read, participants };
    provided::withdraw(items);
    Ok((module, tcc))
}

fn read_participants(items: &mut [Item]) -> syn::Result<Vec<Participant>> {
    let heads = read_heads(items)?;
    let ids: Vec<String> = heads.iter().map(|head| head.id.clone()).collect();
    let orders: Vec<u32> = heads.iter().map(|head| head.settings.order).collect();
    let (confirms, confirm_errors) = settles(items, Place::Confirm, &ids);
    let (cancels, cancel_errors) = settles(items, Place::Cancel, &ids);
    let mut errors = [confirm_errors, cancel_errors].concat();
    // Where some could not be read, it is not known which are missing.
    let sound = errors.is_empty();
    let (mut confirms, mut cancels) = (confirms.into_iter(), cancels.into_iter());
    let mut participants = Vec::new();
    for (i, head) in heads.into_iter().enumerate() {
        let earlier = |id: &str| ids.iter().zip(&orders).any(|(known, order)| known == id && *order < orders[i]);
        let settled = (confirms.next().flatten(), cancels.next().flatten());
        match read_participant(items, head, &ids, settled, &earlier) {
            Ok(participant) => participants.push(participant),
            Err(Unread::Missing(error)) => errors.extend(sound.then_some(error)),
            Err(Unread::Wrong(error)) => errors.push(error),
        }
    }
    all(errors)?;
    Ok(participants)
}

fn read_heads(items: &mut [Item]) -> syn::Result<Vec<Head>> {
    let (mut errors, mut heads) = (Vec::new(), Vec::<Head>::new());
    for Marked { function, attribute } in marked(items, "participant") {
        match ParticipantSettings::read(&attribute) {
            Ok(settings) => {
                let id = settings.id.as_ref().map_or_else(|| plain(&function.sig.ident), syn::LitStr::value);
                if let Some(other) = heads.iter().find(|head| same_name(&head.id, &id)) {
                    let span = settings.id.as_ref().map_or_else(|| function.sig.ident.span(), syn::LitStr::span);
                    let message = taken("participant", &id, &other.id, &other.function.sig.ident);
                    errors.push(syn::Error::new(span, message));
                }
                heads.push(Head { function: function.clone(), id, settings });
            }
            Err(error) => errors.push(error),
        }
    }
    all(errors)?;
    Ok(heads)
}

/// The confirms, or the cancels, by the place of their participant; and all that is wrong with them.
fn settles(items: &mut [Item], place: Place, ids: &[String]) -> (Vec<Option<Settle>>, Vec<syn::Error>) {
    let word = if place == Place::Confirm { "confirm" } else { "cancel" };
    let mut found: Vec<Option<Settle>> = ids.iter().map(|_| None).collect();
    let mut errors = Vec::new();
    for mut marked in marked(items, word) {
        let span = marked.function.sig.ident.span();
        match read_settle(&mut marked, place, word, ids) {
            Ok((at, _)) if found[at].is_some() => {
                errors.push(syn::Error::new(span, format!("participant `{}` has a {word} already", ids[at])));
            }
            Ok((at, settle)) => found[at] = Some(settle),
            Err(error) => errors.push(error),
        }
    }
    (found, errors)
}

fn read_settle(marked: &mut Marked<'_>, place: Place, word: &str, ids: &[String]) -> syn::Result<(usize, Settle)> {
    let settings = SettleSettings::read(&marked.attribute)?;
    let Some(of) = &settings.of else {
        let message = format!("say which participant it is of: `#[{word}(of = …)]`");
        return Err(syn::Error::new(marked.attribute.span(), message));
    };
    let own = known(&plain(of), of.span(), ids, PARTICIPANT)?;
    let rule = Rule { nodes: ids, place, each: false, own };
    let mut operation = Operation::read(marked.function, &rule)?;
    all(operation.resolve(ids, PARTICIPANT))?;
    let at = ids.iter().position(|id| id == own).unwrap_or_default();
    Ok((at, Settle { settings, operation }))
}

fn read_participant(
    items: &mut [Item],
    head: Head,
    ids: &[String],
    settled: (Option<Settle>, Option<Settle>),
    earlier: &dyn Fn(&str) -> bool,
) -> Result<Participant, Unread> {
    let Head { function, id, settings } = head;
    let span = function.sig.ident.span();
    provided::check(&function, settings.provider.as_ref(), "participant")?;
    let rule = Rule { nodes: ids, place: Place::Try, each: false, own: &id };
    let mut attempt = match same(items, &function) {
        Some(function) => Operation::read(function, &rule)?,
        None => return Err(syn::Error::new(span, "this function is not in the TCC's module").into()),
    };
    all(attempt.resolve(ids, PARTICIPANT))?;
    let missing = |word: &str| {
        let message = format!("participant `{id}` has no {word} (write one with `#[{word}(of = {id})]`)");
        Unread::Missing(syn::Error::new(span, message))
    };
    let settled = match (settled, &settings.provider) {
        ((None, None), Some(_)) => None,
        ((Some(own), _) | (_, Some(own)), Some(provider)) => {
            let message = format!("module `{}` confirms and cancels `{id}` (remove this)", provider.value());
            return Err(syn::Error::new(own.operation.function.span(), message).into());
        }
        ((Some(confirm), Some(cancel)), None) => Some([confirm, cancel]),
        ((None, _), None) => return Err(missing("confirm")),
        ((_, None), None) => return Err(missing("cancel")),
    };
    let mut parameters = Vec::new();
    let mut errors = Vec::new();
    let settling = settled.iter().flatten().map(|settle| &settle.operation);
    for operation in std::iter::once(&attempt).chain(settling) {
        errors.extend(join(&mut parameters, operation, earlier));
    }
    all(errors)?;
    Ok(Participant { description: docs(&function.attrs), id, settings, attempt, settled, parameters })
}

/// Adds an operation's parameters to the participant's.
fn join(parameters: &mut Vec<Argument>, operation: &Operation, earlier: &dyn Fn(&str) -> bool) -> Vec<syn::Error> {
    let mut errors = Vec::new();
    for parameter in &operation.parameters {
        let What::Argument { name, ty, required, source } = &parameter.what else { continue };
        if let Source::Step { step, span, .. } = source
            && !earlier(step)
        {
            // What the rule of arguments says stands nowhere: then the type is the place.
            let span = if same_name(name, step) { ty.span() } else { *span };
            let message = format!("`{step}` is not tried before this participant (give it a lower `order`)");
            errors.push(syn::Error::new(span, message));
        }
        match parameters.iter_mut().find(|known| known.name == *name) {
            Some(known) if says(&known.source) != says(source) => {
                let message = format!(
                    "`{name}` comes from elsewhere in another function of this participant (they share their arguments)"
                );
                errors.push(syn::Error::new(ty.span(), message));
            }
            Some(known) => known.required |= required,
            None => {
                let (name, ty, source) = (name.clone(), (**ty).clone(), source.clone());
                parameters.push(Argument { name, ty, required: *required, source });
            }
        }
    }
    errors
}

/// A source without its place in the text.
fn says(source: &Source) -> String {
    let part = |at: &Option<String>| at.clone().unwrap_or_default();
    match source {
        Source::Input(at) => format!("input {}", part(at)),
        Source::Step { step, at, .. } => format!("output {step} {}", part(at)),
        Source::Variable(name) => format!("variable {name}"),
        Source::Header(name) => format!("header {name}"),
        Source::Literal(json) => format!("literal {json}"),
        // A TCC has no others: the rule of arguments refuses them.
        Source::Item(_) | Source::OwnOutput(_) | Source::CompensationOf { .. } | Source::Cause => String::new(),
    }
}
