//! Never finishes its initialisation: a constructor spins before the first export is answered.

/// In a component alone: a native test of this crate would never begin.
#[cfg(target_family = "wasm")]
mod constructor {
    #![expect(unsafe_code, reason = "constructors are registered with the linker")]

    extern "C" fn spin() {
        loop {
            std::hint::black_box(());
        }
    }

    #[used]
    #[unsafe(link_section = ".init_array")]
    static CONSTRUCTOR: extern "C" fn() = spin;
}

/// Would greet.
#[wasaga::saga]
pub mod greeting {
    /// Would say hello.
    #[step]
    pub fn greet() -> String {
        "hello".into()
    }
}
