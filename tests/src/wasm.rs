//! Files in WebAssembly's own form, byte by byte: what no compiler makes.

/// A number as WebAssembly writes it.
pub fn number(mut value: usize) -> Vec<u8> {
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

/// A section with its length before it.
pub fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], &*number(content.len()), content].concat()
}

/// A component of these sections.
pub fn component(sections: &[u8]) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0", sections].concat()
}

/// A component with a module of so many functions with a local variable, each with this code.
pub fn functions(count: usize, code: &[u8]) -> Vec<u8> {
    let types = section(1, &[1, 0x60, 0, 0]);
    let declared = section(3, &[&*number(count), &vec![0; count]].concat());
    let body = [&[1, 1, 0x7f], code, &[0x0b]].concat();
    let bodies = section(10, &[&*number(count), &[&*number(body.len()), &body].concat().repeat(count)].concat());
    component(&section(1, &[b"\0asm\x01\0\0\0", &*types, &*declared, &*bodies].concat()))
}
