//! A layer under SQLite that asks a [`Disk`] before each change of a file, and leaves the rest to the layer that SQLite comes with.
//!
//! What makes the `unsafe` here sound:
//!
//! - SQLite calls these functions as its documentation of `sqlite3_vfs` and `sqlite3_io_methods` says: with the layer that was registered,
//!   with a file that [`open`] has filled in and [`close`] has not closed yet, with buffers of the length that it names, and never with one file
//!   on two threads at once. Nobody else calls them: they are private, and known to SQLite alone.
//! - The layer is registered once, from memory that is never freed or changed; so is the one below it.
//! - No panic leaves them: Rust ends the process where one would unwind out of an `extern "C"` function.
#![allow(unsafe_code)]

use super::disk::{Disk, Refused};
use rusqlite::ffi;
use std::{
    cell::Cell,
    collections::BTreeMap,
    ffi::{CStr, OsStr, c_char, c_int, c_void},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    ptr,
    sync::{Arc, Mutex, OnceLock},
};

const NAME: &CStr = c"failing";

/// The disk of each folder that has one.
static DISKS: Mutex<BTreeMap<PathBuf, SharedDisk>> = Mutex::new(BTreeMap::new());

thread_local! {
    /// The system's number for this thread's last refusal.
    static ERRNO: Cell<Option<i32>> = const { Cell::new(None) };
}

pub type SharedDisk = Arc<Mutex<Disk>>;

/// From now on files in this folder, a path without links, are on this disk. Returns the layer's name, for [`Database::open`].
///
/// [`Database::open`]: smolbear::store::Database::open
pub fn plug_in(folder: &Path, disk: SharedDisk) -> &'static str {
    register();
    DISKS.lock().unwrap().insert(folder.to_owned(), disk);
    NAME.to_str().unwrap()
}

/// Files in this folder can't be opened any more.
pub fn pull_out(folder: &Path) {
    DISKS.lock().unwrap().remove(folder);
}

fn register() {
    static ONCE: OnceLock<c_int> = OnceLock::new();
    let code = ONCE.get_or_init(|| {
        // SAFETY: SQLite starts itself where it has not been yet, and returns the layer it comes with, or null. A layer stays where it is for
        // as long as it is registered, and nobody unregisters that one.
        let below = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
        // SAFETY: it is null or a layer, as said, whose fields nobody changes but for `pNext`, which is not read here.
        let below_has = unsafe { below.as_ref() }.expect("SQLite has a layer for files");
        let layer = ffi::sqlite3_vfs {
            iVersion: 1,
            szOsFile: size_of::<Shim>() as c_int,
            mxPathname: below_has.mxPathname,
            pNext: ptr::null_mut(),
            zName: NAME.as_ptr(),
            pAppData: below.cast(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_path),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(time),
            xGetLastError: Some(last_error),
            xCurrentTimeInt64: None,
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        };
        // SAFETY: the layer has all functions of version 1 but those that load extensions, which this SQLite does not; name and layer live on.
        unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(layer)), 0) }
    });
    assert_eq!(*code, ffi::SQLITE_OK);
}

/// An open file, in memory of SQLite's that has `szOsFile` bytes.
#[repr(C)]
struct Shim {
    base: ffi::sqlite3_file,
    /// From [`Box::into_raw`], ours alone until [`close`].
    opened: *mut Opened,
}

struct Opened {
    disk: SharedDisk,
    path: PathBuf,
    /// The file of the layer below, which must not move: it is reached by this vector's pointer alone, and the vector never grows.
    below: Vec<u64>,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// The disk on which a file of SQLite's is, with its path; none for a file without a name, or in a folder without a disk.
///
/// # Safety
/// `name` is null or text that ends with a zero.
unsafe fn find(name: *const c_char) -> Option<(SharedDisk, PathBuf)> {
    if name.is_null() {
        return None;
    }
    // SAFETY: as the caller says; it is copied before this returns.
    let path = PathBuf::from(OsStr::from_bytes(unsafe { CStr::from_ptr(name) }.to_bytes()));
    let disk = DISKS.lock().unwrap().get(path.parent()?).cloned()?;
    Some((disk, path))
}

/// The layer below.
///
/// # Safety
/// `layer` is ours.
const unsafe fn below(layer: *mut ffi::sqlite3_vfs) -> *mut ffi::sqlite3_vfs {
    // SAFETY: the layer lives for ever, and nobody writes to this field.
    unsafe { (*layer).pAppData.cast() }
}

/// The file of the layer below.
///
/// # Safety
/// `file` was filled in by [`open`] and is not closed.
unsafe fn file_below(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: so it is a `Shim`, whose `opened` is ours, and no reference to that lives on in another function here.
    unsafe { (*(*file.cast::<Shim>()).opened).below.as_mut_ptr().cast() }
}

/// Asks the disk of a file.
///
/// # Safety
/// As of [`file_below`].
unsafe fn ask<T>(file: *mut ffi::sqlite3_file, ask: impl FnOnce(&mut Disk, &Path) -> T) -> T {
    // SAFETY: as in `file_below`; the reference ends with this function, and `ask` knows of no file.
    let opened = unsafe { &*(*file.cast::<Shim>()).opened };
    ask(&mut opened.disk.lock().unwrap(), &opened.path)
}

/// Notes the system's number, and gives SQLite its code.
fn refused(refused: Refused, code: c_int) -> c_int {
    ERRNO.set(Some(refused.errno));
    if refused.errno == super::disk::ENOSPC { ffi::SQLITE_FULL } else { code }
}

unsafe extern "C" fn open(
    layer: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    let shim = file.cast::<Shim>();
    // SAFETY: `file` is memory for a `Shim`, aligned to 8 bytes. Without methods it counts as not opened.
    unsafe { (*shim).base.pMethods = ptr::null() };
    // SAFETY: a name is null or text.
    let Some((disk, path)) = (unsafe { find(name) }) else { return ffi::SQLITE_CANTOPEN };
    // SAFETY: the layer is ours.
    let below = unsafe { below(layer) };
    // SAFETY: the layer below lives for ever, and nobody writes to this field.
    let size = unsafe { (*below).szOsFile } as usize;
    let mut opened = Box::new(Opened { disk, path, below: vec![0; size.div_ceil(8)] });
    let inner: *mut ffi::sqlite3_file = opened.below.as_mut_ptr().cast();
    // SAFETY: `inner` has the size that the layer below asks for and is aligned to 8 bytes; the others are what SQLite gave for just this call.
    let code = unsafe { ((*below).xOpen.unwrap())(below, name, inner, flags, out) };
    if code != ffi::SQLITE_OK {
        ERRNO.set(None);
        // SAFETY: the layer below has set this field, to null where there is nothing to be closed; the memory was zero before.
        if let Some(methods) = unsafe { (*inner).pMethods.as_ref() } {
            // SAFETY: a file with methods is closed once.
            unsafe { (methods.xClose.unwrap())(inner) };
        }
        return code;
    }
    // SAFETY: as above. From here on SQLite has the file, and `opened` goes with it until `close`.
    unsafe { shim.write(Shim { base: ffi::sqlite3_file { pMethods: &METHODS }, opened: Box::into_raw(opened) }) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the file is open; SQLite closes it once, and does not use it any more.
    unsafe {
        let inner = file_below(file);
        let code = ((*(*inner).pMethods).xClose.unwrap())(inner);
        drop(Box::from_raw((*file.cast::<Shim>()).opened));
        code
    }
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, data: *const c_void, len: c_int, at: i64) -> c_int {
    // SAFETY: SQLite's buffer has `len` bytes, which nobody changes during the call.
    let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len as usize) };
    // SAFETY: the file is open.
    let asked = unsafe { ask(file, |disk, path| disk.write(path, at as usize, bytes)) };
    let len = asked.map_or_else(|refused| refused.done as c_int, |()| len);
    // SAFETY: the file below is open, and `len` has not grown.
    let code = unsafe {
        let inner = file_below(file);
        if len > 0 { ((*(*inner).pMethods).xWrite.unwrap())(inner, data, len, at) } else { ffi::SQLITE_OK }
    };
    asked.map_or_else(|why| refused(why, ffi::SQLITE_IOERR_WRITE), |()| code)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: i64) -> c_int {
    // SAFETY: the file is open, and so is the one below.
    unsafe {
        match ask(file, |disk, path| disk.cut(path, len as usize)) {
            Ok(()) => {
                let inner = file_below(file);
                ((*(*inner).pMethods).xTruncate.unwrap())(inner, len)
            }
            Err(why) => refused(why, ffi::SQLITE_IOERR_TRUNCATE),
        }
    }
}

/// The real disk is not asked: what a power cut leaves is the [`Disk`]'s to say.
unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: the file is open.
    let asked = unsafe { ask(file, Disk::sync) };
    asked.map_or_else(|why| refused(why, ffi::SQLITE_IOERR_FSYNC), |()| ffi::SQLITE_OK)
}

unsafe extern "C" fn delete(layer: *mut ffi::sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: a name is text.
    let Some((disk, path)) = (unsafe { find(name) }) else { return ffi::SQLITE_IOERR_DELETE };
    if !path.exists() {
        return ffi::SQLITE_IOERR_DELETE_NOENT;
    }
    let asked = disk.lock().unwrap().delete(&path, sync_folder != 0);
    if let Err(why) = asked {
        return refused(why, ffi::SQLITE_IOERR_DELETE);
    }
    // SAFETY: the layer is ours, and the one below it gets what SQLite gave for just this call.
    unsafe {
        let below = below(layer);
        ((*below).xDelete.unwrap())(below, name, sync_folder)
    }
}

unsafe extern "C" fn last_error(layer: *mut ffi::sqlite3_vfs, len: c_int, text: *mut c_char) -> c_int {
    if let Some(errno) = ERRNO.take() {
        return errno;
    }
    // SAFETY: as in `delete`.
    unsafe {
        let below = below(layer);
        ((*below).xGetLastError.unwrap())(below, len, text)
    }
}

/// What the layer below does alone.
macro_rules! of_layer {
    ($($name:ident is $method:ident($($arg:ident: $type:ty),*);)*) => {$(
        unsafe extern "C" fn $name(layer: *mut ffi::sqlite3_vfs, $($arg: $type),*) -> c_int {
            // SAFETY: as in `delete`.
            unsafe {
                let below = below(layer);
                ((*below).$method.unwrap())(below, $($arg),*)
            }
        }
    )*};
}

of_layer! {
    access is xAccess(name: *const c_char, flags: c_int, out: *mut c_int);
    full_path is xFullPathname(name: *const c_char, len: c_int, out: *mut c_char);
    randomness is xRandomness(len: c_int, out: *mut c_char);
    sleep is xSleep(microseconds: c_int);
    time is xCurrentTime(out: *mut f64);
}

/// What the file below does alone.
macro_rules! of_file {
    ($($name:ident is $method:ident($($arg:ident: $type:ty),*) -> $returns:ty;)*) => {$(
        unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file, $($arg: $type),*) -> $returns {
            // SAFETY: the file is open, so the one below is too; it gets what SQLite gave for just this call.
            unsafe {
                let inner = file_below(file);
                ((*(*inner).pMethods).$method.unwrap())(inner, $($arg),*)
            }
        }
    )*};
}

of_file! {
    read is xRead(data: *mut c_void, len: c_int, at: i64) -> c_int;
    file_size is xFileSize(out: *mut i64) -> c_int;
    lock is xLock(level: c_int) -> c_int;
    unlock is xUnlock(level: c_int) -> c_int;
    check_reserved_lock is xCheckReservedLock(out: *mut c_int) -> c_int;
    file_control is xFileControl(what: c_int, value: *mut c_void) -> c_int;
    sector_size is xSectorSize() -> c_int;
    device_characteristics is xDeviceCharacteristics() -> c_int;
    shm_map is xShmMap(page: c_int, size: c_int, extend: c_int, out: *mut *mut c_void) -> c_int;
    shm_lock is xShmLock(offset: c_int, count: c_int, flags: c_int) -> c_int;
    shm_barrier is xShmBarrier() -> ();
    shm_unmap is xShmUnmap(delete: c_int) -> c_int;
}
