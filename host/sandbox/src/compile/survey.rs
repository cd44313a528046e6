//! Looks a component through before it is compiled, and refuses what would cost the compiler more than any real module
//! needs. It reads each byte once at most and keeps nothing. Deliberately absent: whether the component is valid, which
//! the compiler itself tells.

use std::ops::Range;

use wasmparser::{
    BinaryReader, BinaryReaderError, ComponentAlias, ComponentExternName, ComponentImport, ComponentType,
    ComponentTypeRef, CompositeInnerType, CoreType, FunctionBody, Parser, Payload, TypeSectionReader,
};

/// How deep components lie within components. The compiler's memory grows with the square of it. Guests of Rust and
/// Python have 1, compositions of several components 2 or 3.
const DEPTH_MAX: usize = 16;
/// How deep component types lie within each other. A reader calls itself for each. Guests have 2.
const TYPE_DEPTH_MAX: usize = 32;

/// What is counted, over all modules and components within a component.
#[derive(Clone, Copy, Debug)]
enum Counted {
    Sections,
    Parts,
    Functions,
    Types,
    Names,
    Items,
    Locals,
    CodeBytes,
}

/// What is counted, in words, and the most of it: some eight times what a Python guest has, the largest kind of module that
/// is known. A Rust guest has a thirtieth of that.
const LIMITS: [(Counted, &str, u64); 8] = [
    // A Python guest has 921.
    (Counted::Sections, "sections", 10_000),
    // 19: the interpreter, its libraries, and adapters.
    (Counted::Parts, "modules and components within it", 200),
    // 13,600. The compiler takes some 7 KB for an empty one.
    (Counted::Functions, "functions", 120_000),
    // 2,000.
    (Counted::Types, "types", 20_000),
    // 16,300 imports, exports, aliases and arguments of instances.
    (Counted::Names, "imports, exports and aliases", 150_000),
    // 15,500, nearly all of them elements of tables.
    (Counted::Items, "globals, elements and segments", 150_000),
    // 48,000. Each is a variable of the compiler, and three bytes declare 50,000 of them.
    (Counted::Locals, "local variables", 500_000),
    // 6.6 million, for which the compiler takes half a gigabyte.
    (Counted::CodeBytes, "bytes of code", 64 << 20),
];

/// Bytes of one function: the compiler has all of it in memory in several forms, and some of its work grows faster than
/// the function. The largest of a Python guest, its interpreter's loop, has 427,000.
const FUNCTION_BYTES_MAX: u64 = 2 << 20;
/// Parameters and results of one function: each call of it is as many values. Those of guests have 19 at most.
const VALUES_MAX: usize = 200;

/// Why a component is not compiled.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("{0}")]
    Invalid(String),
    #[error("it has more than {max} {what}")]
    TooMany { what: &'static str, max: u64 },
    #[error("its {what} lie more than {max} deep within each other")]
    TooDeep { what: &'static str, max: usize },
    #[error("a function of it has {bytes} bytes, and {max} are the most", max = FUNCTION_BYTES_MAX)]
    Function { bytes: u64 },
    #[error("a function of it has {values} parameters and results, and {max} are the most", max = VALUES_MAX)]
    Values { values: usize },
}

impl From<BinaryReaderError> for Refused {
    fn from(error: BinaryReaderError) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// What there is so far.
#[derive(Debug, Default)]
pub(super) struct Survey {
    counts: [u64; LIMITS.len()],
    depth: usize,
}

/// Looks a component through.
///
/// # Errors
/// It goes beyond a limit, or cannot be read.
pub(super) fn survey(bytes: &[u8]) -> Result<Survey, Refused> {
    let mut survey = Survey::default();
    for payload in Parser::new(0).parse_all(bytes) {
        survey.payload(payload?, bytes)?;
    }
    Ok(survey)
}

impl Survey {
    fn count(&mut self, counted: Counted, more: u64) -> Result<(), Refused> {
        let (_, what, max) = LIMITS[counted as usize];
        let count = &mut self.counts[counted as usize];
        *count = count.saturating_add(more);
        if *count > max { Err(Refused::TooMany { what, max }) } else { Ok(()) }
    }

    fn payload(&mut self, payload: Payload<'_>, bytes: &[u8]) -> Result<(), Refused> {
        use Counted::{CodeBytes, Functions, Items, Names, Parts, Sections, Types};
        if !matches!(payload, Payload::CodeSectionEntry(_)) {
            self.count(Sections, 1)?;
        }
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                self.count(Parts, 1)?;
                self.deeper()
            }
            Payload::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                Ok(())
            }
            Payload::TypeSection(types) => {
                self.count(Types, types.count().into())?;
                function_types(types)
            }
            Payload::CoreTypeSection(types) => {
                self.count(Types, types.count().into())?;
                // What is declared within a type has a byte at least, and no type of it has types within.
                self.count(Types, types.range().len() as u64 / CORE_TYPE_BYTES)
            }
            Payload::ComponentTypeSection(types) => self.component_types(bytes, types.range()),
            Payload::FunctionSection(functions) => self.count(Functions, functions.count().into()),
            Payload::ComponentCanonicalSection(functions) => self.count(Functions, functions.count().into()),
            Payload::CodeSectionEntry(body) => {
                self.count(CodeBytes, body.range().len() as u64)?;
                self.body(&body)
            }
            Payload::ImportSection(imports) => self.count(Names, imports.count().into()),
            Payload::ExportSection(exports) => self.count(Names, exports.count().into()),
            Payload::ComponentImportSection(imports) => self.count(Names, imports.count().into()),
            Payload::ComponentExportSection(exports) => self.count(Names, exports.count().into()),
            Payload::ComponentAliasSection(aliases) => self.count(Names, aliases.count().into()),
            // An argument or an export of an instance has four bytes at least.
            Payload::InstanceSection(of) => self.count(Names, of.range().len() as u64 / ARGUMENT_BYTES),
            Payload::ComponentInstanceSection(of) => self.count(Names, of.range().len() as u64 / ARGUMENT_BYTES),
            Payload::GlobalSection(globals) => self.count(Items, globals.count().into()),
            Payload::TableSection(tables) => self.count(Items, tables.count().into()),
            Payload::MemorySection(memories) => self.count(Items, memories.count().into()),
            Payload::TagSection(tags) => self.count(Items, tags.count().into()),
            Payload::ElementSection(elements) => self.count(Items, elements.range().len() as u64 / ELEMENT_BYTES),
            Payload::DataSection(data) => self.count(Items, data.count().into()),
            // Names of functions, the debugger's sections and what is not known are skipped or kept as they are.
            _ => Ok(()),
        }
    }

    fn deeper(&mut self) -> Result<(), Refused> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Refused::TooDeep { what: "components", max: DEPTH_MAX });
        }
        Ok(())
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), Refused> {
        let bytes = body.range().len() as u64;
        if bytes > FUNCTION_BYTES_MAX {
            return Err(Refused::Function { bytes });
        }
        for local in body.get_locals_reader()? {
            let (count, _) = local?;
            self.count(Counted::Locals, count.into())?;
        }
        Ok(())
    }

    /// Walks the types of a section. A type within a type is a level of `open`, for the parser's own reader would call
    /// itself for each.
    fn component_types(&mut self, bytes: &[u8], range: Range<usize>) -> Result<(), Refused> {
        let mut reader = BinaryReader::new(&bytes[range.clone()], range.start);
        let mut open = vec![reader.read_var_u32()?];
        while let Some(left) = open.last_mut() {
            let Some(rest) = left.checked_sub(1) else {
                open.pop();
                continue;
            };
            *left = rest;
            self.count(Counted::Types, 1)?;
            let is_type = if open.len() == 1 { true } else { declaration(&mut reader)? };
            if !is_type {
                continue;
            }
            match reader.clone().read_u8()? {
                0x41 | 0x42 => {
                    reader.read_u8()?;
                    open.push(reader.read_var_u32()?);
                    // The outermost level is the section.
                    if open.len() > TYPE_DEPTH_MAX + 1 {
                        return Err(Refused::TooDeep { what: "types", max: TYPE_DEPTH_MAX });
                    }
                }
                _ => drop(reader.read::<ComponentType<'_>>()?),
            }
        }
        Ok(())
    }
}

/// The least that an argument, an export of an instance, takes: a kind, an index, and a name with its length.
const ARGUMENT_BYTES: u64 = 4;
/// The least that a declaration within a core type takes.
const CORE_TYPE_BYTES: u64 = 4;
/// The least that an element takes: an index of a function.
const ELEMENT_BYTES: u64 = 1;

/// Reads what is declared within a component type. Whether it is a type, which is yet to be read.
fn declaration(reader: &mut BinaryReader<'_>) -> Result<bool, Refused> {
    match reader.read_u8()? {
        0x01 => return Ok(true),
        0x00 => drop(reader.read::<CoreType<'_>>()?),
        0x02 => {
            reader.read::<ComponentAlias<'_>>()?;
        }
        0x03 => drop(reader.read::<ComponentImport<'_>>()?),
        0x04 => {
            reader.read::<ComponentExternName<'_>>()?;
            reader.read::<ComponentTypeRef>()?;
        }
        other => {
            let what =
                format!("byte 0x{other:02x} begins no declaration of a type (at {:#x})", reader.original_position());
            return Err(Refused::Invalid(what));
        }
    }
    Ok(false)
}

fn function_types(types: TypeSectionReader<'_>) -> Result<(), Refused> {
    for group in types {
        for ty in group?.types() {
            if let CompositeInnerType::Func(function) = &ty.composite_type.inner {
                let values = function.params().len() + function.results().len();
                if values > VALUES_MAX {
                    return Err(Refused::Values { values });
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(mut value: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let low = (value & 0x7f) as u8;
            value >>= 7;
            if value == 0 {
                bytes.push(low);
                return bytes;
            }
            bytes.push(low | 0x80);
        }
    }

    fn section(id: u8, content: &[u8]) -> Vec<u8> {
        [&[id], &*number(content.len()), content].concat()
    }

    fn component(sections: &[u8]) -> Vec<u8> {
        [b"\0asm\x0d\0\x01\0", sections].concat()
    }

    /// Components within each other, so many levels below the outermost.
    fn nested(levels: usize) -> Vec<u8> {
        (0..levels).fold(component(&[]), |inner, _| component(&section(4, &inner)))
    }

    /// A component with a module of so many functions, each with this body.
    fn functions(ty: &[u8], count: usize, body: &[u8]) -> Vec<u8> {
        let types = section(1, &[&[1], ty].concat());
        let declared = section(3, &[&*number(count), &vec![0; count]].concat());
        let body = [&*number(body.len()), body].concat();
        let code = section(10, &[&*number(count), &body.repeat(count)].concat());
        component(&section(1, &[b"\0asm\x01\0\0\0", &*types, &*declared, &*code].concat()))
    }

    fn types(levels: usize) -> Vec<u8> {
        let within = [0x42, 1, 1].repeat(levels.saturating_sub(1));
        component(&section(7, &[&[1], &*within, &[0x42, 0]].concat()))
    }

    fn refused(bytes: &[u8]) -> Option<String> {
        survey(bytes).err().map(|refused| refused.to_string())
    }

    const NO_VALUES: &[u8] = &[0x60, 0, 0];
    const EMPTY: &[u8] = &[0, 0x0b];

    #[test]
    fn what_real_modules_have_passes() {
        assert_eq!(refused(&component(&[])), None);
        assert_eq!(refused(&functions(NO_VALUES, 100_000, EMPTY)), None);
        assert_eq!(refused(&nested(16)), None);
        assert_eq!(refused(&types(32)), None);
    }

    /// X3, S12: the compiler's memory grows with the square of the depth; a type that lies too deep overflows its stack.
    #[test]
    fn depth_is_bounded() {
        let told = |what| Some(format!("its {what} deep within each other"));
        for levels in [17, 10_000] {
            assert_eq!(refused(&nested(levels)), told("components lie more than 16"), "{levels}");
        }
        for levels in [33, 1_000_000] {
            assert_eq!(refused(&types(levels)), told("types lie more than 32"), "{levels}");
        }
    }

    /// X3, S12: a million empty functions took 3 GB and 150 s.
    #[test]
    fn what_lies_side_by_side_is_bounded() {
        let many = [
            (functions(NO_VALUES, 1_000_000, EMPTY), "functions"),
            (functions(NO_VALUES, 11, &[1, 0xd0, 0x86, 3, 0x7f, 0x0b]), "local variables"),
            (component(&section(0, &[0]).repeat(10_001)), "sections"),
            (component(&section(4, &component(&[])).repeat(201)), "modules and components within it"),
            (component(&section(7, &[&*number(20_001), &[0x42, 0].repeat(20_001)].concat())), "types"),
            (component(&section(6, &number(150_001))), "imports, exports and aliases"),
            (functions(NO_VALUES, 33, &[&[0], &*vec![1; (2 << 20) - 2], &[0x0b]].concat()), "bytes of code"),
        ];
        for (bytes, what) in many {
            let told = refused(&bytes).unwrap_or_default();
            assert!(told.starts_with("it has more than ") && told.ends_with(&format!(" {what}")), "{what}: {told}");
        }
    }

    #[test]
    fn one_function_is_bounded() {
        let large = functions(NO_VALUES, 1, &[&[0], &*vec![1; 2 << 20], &[0x0b]].concat());
        assert_eq!(refused(&large).as_deref(), Some("a function of it has 2097154 bytes, and 2097152 are the most"));
        let wide = functions(&[&[0x60, 101], &*vec![0x7f; 101], &[100], &*vec![0x7f; 100]].concat(), 0, EMPTY);
        let told = "a function of it has 201 parameters and results, and 200 are the most";
        assert_eq!(refused(&wide).as_deref(), Some(told));
    }

    #[test]
    fn what_is_no_component_is_told() {
        assert!(matches!(survey(b"\0asm"), Err(Refused::Invalid(_))));
        let wrong = component(&section(7, &[1, 0x42, 1, 9]));
        assert_eq!(refused(&wrong).as_deref(), Some("byte 0x09 begins no declaration of a type (at 0xe)"));
    }
}
