;; The inner loops of the local renderer, in WebAssembly text with 128-bit SIMD.
;;
;; A plane is kept "woven": one 32-bit cell per pixel holds that pixel and the three below it, so the 4 x 4
;; neighbourhood that a cubic kernel needs is 16 consecutive bytes and costs a single load.
;; Positions are counted in phases, 1/32 of a pixel. Kernels are tabled: 32 x 32 phase pairs, sixteen 16-bit
;; weights each (column-major like the woven cells), summing to 2^14.
(module
  (memory (export "memory") 1)

  ;; Weaves rows 0..h-1 of a plane of row length w (a multiple of 16); it must have 3 more rows below.
  (func (export "weave") (param $src i32) (param $w i32) (param $h i32) (param $dst i32)
    (local $end i32) (local $r0 v128) (local $r1 v128) (local $r2 v128) (local $r3 v128)
    (local $a v128) (local $b v128)
    (local.set $end (i32.add (local.get $src) (i32.mul (local.get $w) (local.get $h))))
    (loop $cells
      (local.set $r0 (v128.load (local.get $src)))
      (local.set $r1 (v128.load (i32.add (local.get $src) (local.get $w))))
      (local.set $r2 (v128.load (i32.add (local.get $src) (i32.shl (local.get $w) (i32.const 1)))))
      (local.set $r3 (v128.load (i32.add (local.get $src) (i32.mul (local.get $w) (i32.const 3)))))
      (local.set $a (i8x16.shuffle 0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23 (local.get $r0) (local.get $r1)))
      (local.set $b (i8x16.shuffle 0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23 (local.get $r2) (local.get $r3)))
      (v128.store (local.get $dst)
        (i8x16.shuffle 0 1 16 17 2 3 18 19 4 5 20 21 6 7 22 23 (local.get $a) (local.get $b)))
      (v128.store offset=16 (local.get $dst)
        (i8x16.shuffle 8 9 24 25 10 11 26 27 12 13 28 29 14 15 30 31 (local.get $a) (local.get $b)))
      (local.set $a (i8x16.shuffle 8 24 9 25 10 26 11 27 12 28 13 29 14 30 15 31 (local.get $r0) (local.get $r1)))
      (local.set $b (i8x16.shuffle 8 24 9 25 10 26 11 27 12 28 13 29 14 30 15 31 (local.get $r2) (local.get $r3)))
      (v128.store offset=32 (local.get $dst)
        (i8x16.shuffle 0 1 16 17 2 3 18 19 4 5 20 21 6 7 22 23 (local.get $a) (local.get $b)))
      (v128.store offset=48 (local.get $dst)
        (i8x16.shuffle 8 9 24 25 10 11 26 27 12 13 28 29 14 15 30 31 (local.get $a) (local.get $b)))
      (local.set $dst (i32.add (local.get $dst) (i32.const 64)))
      (local.set $src (i32.add (local.get $src) (i32.const 16)))
      (br_if $cells (i32.lt_u (local.get $src) (local.get $end)))))

  ;; Draws w x h pixels of the woven plane $src ($cells cells a row) as the homography a..i shows it, which takes
  ;; pixels to phases; these are clamped to 0..$max_u, 0..$max_v. $found is scratch: 8 bytes a pixel of one row.
  (func (export "warp") (param $src i32) (param $cells i32) (param $max_u f32) (param $max_v f32)
    (param $kernels i32) (param $found i32) (param $dst i32) (param $stride i32) (param $w i32) (param $h i32)
    (param $ma f32) (param $mb f32) (param $mc f32) (param $md f32) (param $me f32) (param $mf f32)
    (param $mg f32) (param $mh f32) (param $mi f32)
    (local $y i32) (local $yf f32)
    (loop $rows
      (local.set $yf (f32.convert_i32_s (local.get $y)))
      (call $find (local.get $src) (local.get $cells) (local.get $max_u) (local.get $max_v)
        (local.get $kernels) (local.get $found) (local.get $w)
        (local.get $ma) (f32.add (f32.mul (local.get $mb) (local.get $yf)) (local.get $mc))
        (local.get $md) (f32.add (f32.mul (local.get $me) (local.get $yf)) (local.get $mf))
        (local.get $mg) (f32.add (f32.mul (local.get $mh) (local.get $yf)) (local.get $mi)))
      (call $gather (local.get $found) (local.get $dst) (local.get $w))
      (local.set $dst (i32.add (local.get $dst) (local.get $stride)))
      (local.set $y (i32.add (local.get $y) (i32.const 1)))
      (br_if $rows (i32.lt_u (local.get $y) (local.get $h)))))

  ;; Notes for each pixel of a row the address of its cells and of its kernel: 4 + 4 of them every 32 bytes.
  ;; A pass of its own, because the long chain of a division would fill the processor's window with waiting work:
  ;; find + gather in one loop measured 40 % slower.
  (func $find (param $src i32) (param $cells i32) (param $max_u f32) (param $max_v f32)
    (param $kernels i32) (param $found i32) (param $w i32)
    (param $ma f32) (param $mc f32) (param $md f32) (param $mf f32) (param $mg f32) (param $mi f32)
    (local $end i32) (local $x v128) (local $r v128) (local $u v128) (local $v v128)
    (local.set $end (i32.add (local.get $found) (i32.shl (local.get $w) (i32.const 3))))
    (local.set $x (v128.const f32x4 0 1 2 3))
    (loop $pixels
      (local.set $r (f32x4.div (v128.const f32x4 1 1 1 1)
        (f32x4.add (f32x4.splat (local.get $mi)) (f32x4.mul (f32x4.splat (local.get $mg)) (local.get $x)))))
      (local.set $u (f32x4.mul (local.get $r)
        (f32x4.add (f32x4.splat (local.get $mc)) (f32x4.mul (f32x4.splat (local.get $ma)) (local.get $x)))))
      (local.set $v (f32x4.mul (local.get $r)
        (f32x4.add (f32x4.splat (local.get $mf)) (f32x4.mul (f32x4.splat (local.get $md)) (local.get $x)))))
      ;; adding 2^23 leaves the number, rounded, in the low 23 bits
      (local.set $u (v128.and (v128.const i32x4 0x7fffff 0x7fffff 0x7fffff 0x7fffff)
        (f32x4.add (v128.const f32x4 8388608 8388608 8388608 8388608)
          (f32x4.pmax (v128.const f32x4 0 0 0 0) (f32x4.pmin (f32x4.splat (local.get $max_u)) (local.get $u))))))
      (local.set $v (v128.and (v128.const i32x4 0x7fffff 0x7fffff 0x7fffff 0x7fffff)
        (f32x4.add (v128.const f32x4 8388608 8388608 8388608 8388608)
          (f32x4.pmax (v128.const f32x4 0 0 0 0) (f32x4.pmin (f32x4.splat (local.get $max_v)) (local.get $v))))))
      (v128.store (local.get $found) (i32x4.add (i32x4.splat (local.get $src)) (i32x4.shl
        (i32x4.add (i32x4.shr_u (local.get $u) (i32.const 5))
          (i32x4.mul (i32x4.splat (local.get $cells)) (i32x4.shr_u (local.get $v) (i32.const 5))))
        (i32.const 2))))
      (v128.store offset=16 (local.get $found) (i32x4.add (i32x4.splat (local.get $kernels)) (i32x4.shl
        (v128.or (v128.and (local.get $u) (i32x4.splat (i32.const 31)))
          (i32x4.shl (v128.and (local.get $v) (i32x4.splat (i32.const 31))) (i32.const 5)))
        (i32.const 5))))
      (local.set $x (f32x4.add (local.get $x) (v128.const f32x4 4 4 4 4)))
      (local.set $found (i32.add (local.get $found) (i32.const 32)))
      (br_if $pixels (i32.lt_u (local.get $found) (local.get $end)))))

  ;; Weighs the 4 x 4 pixels around each position found; writes whole groups of four pixels.
  (func $gather (param $found i32) (param $dst i32) (param $w i32)
    (local $end i32) (local $kernel i32) (local $cells v128)
    (local $p0 v128) (local $p1 v128) (local $p2 v128) (local $p3 v128)
    (local.set $end (i32.add (local.get $dst) (local.get $w)))
    (loop $pixels
      (local.set $cells (v128.load (i32.load offset=0 (local.get $found))))
      (local.set $kernel (i32.load offset=16 (local.get $found)))
      (local.set $p0 (i32x4.add
        (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_u (local.get $cells)) (v128.load (local.get $kernel)))
        (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_u (local.get $cells)) (v128.load offset=16 (local.get $kernel)))))
      (local.set $cells (v128.load (i32.load offset=4 (local.get $found))))
      (local.set $kernel (i32.load offset=20 (local.get $found)))
      (local.set $p1 (i32x4.add
        (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_u (local.get $cells)) (v128.load (local.get $kernel)))
        (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_u (local.get $cells)) (v128.load offset=16 (local.get $kernel)))))
      (local.set $cells (v128.load (i32.load offset=8 (local.get $found))))
      (local.set $kernel (i32.load offset=24 (local.get $found)))
      (local.set $p2 (i32x4.add
        (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_u (local.get $cells)) (v128.load (local.get $kernel)))
        (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_u (local.get $cells)) (v128.load offset=16 (local.get $kernel)))))
      (local.set $cells (v128.load (i32.load offset=12 (local.get $found))))
      (local.set $kernel (i32.load offset=28 (local.get $found)))
      (local.set $p3 (i32x4.add
        (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_u (local.get $cells)) (v128.load (local.get $kernel)))
        (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_u (local.get $cells)) (v128.load offset=16 (local.get $kernel)))))
      ;; each pixel's four partial sums into one, by transposing
      (local.set $p0 (i32x4.add
        (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $p0) (local.get $p1))
        (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $p0) (local.get $p1))))
      (local.set $p2 (i32x4.add
        (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $p2) (local.get $p3))
        (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $p2) (local.get $p3))))
      (local.set $p0 (i32x4.add
        (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $p0) (local.get $p2))
        (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $p0) (local.get $p2))))
      (local.set $p0 (i32x4.shr_s (i32x4.add (local.get $p0) (i32x4.splat (i32.const 8192))) (i32.const 14)))
      (local.set $p0 (i16x8.narrow_i32x4_s (local.get $p0) (local.get $p0)))
      (v128.store32_lane 0 (local.get $dst) (i8x16.narrow_i16x8_u (local.get $p0) (local.get $p0)))
      (local.set $dst (i32.add (local.get $dst) (i32.const 4)))
      (local.set $found (i32.add (local.get $found) (i32.const 32)))
      (br_if $pixels (i32.lt_u (local.get $dst) (local.get $end)))))

  ;; Mixes $size bytes (a multiple of 16) of $over into $dst: $part of 256.
  (func (export "fade") (param $dst i32) (param $over i32) (param $size i32) (param $part i32)
    (local $end i32) (local $a v128) (local $b v128) (local $new v128) (local $old v128) (local $half v128)
    (local.set $end (i32.add (local.get $dst) (local.get $size)))
    (local.set $new (i16x8.splat (local.get $part)))
    (local.set $old (i16x8.splat (i32.sub (i32.const 256) (local.get $part))))
    (local.set $half (i16x8.splat (i32.const 128)))
    (loop $bytes
      (local.set $a (v128.load (local.get $dst)))
      (local.set $b (v128.load (local.get $over)))
      (v128.store (local.get $dst) (i8x16.narrow_i16x8_u
        (i16x8.shr_u (i16x8.add (local.get $half) (i16x8.add
          (i16x8.mul (i16x8.extend_low_i8x16_u (local.get $a)) (local.get $old))
          (i16x8.mul (i16x8.extend_low_i8x16_u (local.get $b)) (local.get $new)))) (i32.const 8))
        (i16x8.shr_u (i16x8.add (local.get $half) (i16x8.add
          (i16x8.mul (i16x8.extend_high_i8x16_u (local.get $a)) (local.get $old))
          (i16x8.mul (i16x8.extend_high_i8x16_u (local.get $b)) (local.get $new)))) (i32.const 8))))
      (local.set $dst (i32.add (local.get $dst) (i32.const 16)))
      (local.set $over (i32.add (local.get $over) (i32.const 16)))
      (br_if $bytes (i32.lt_u (local.get $dst) (local.get $end)))))

  ;; Lays w x h bytes of $over upon $dst, $alpha of 255 of each; both have rows of $pitch bytes, and w is a multiple
  ;; of 16. Exact: all of 255 is $over itself, and nothing leaves $dst as it is.
  (func (export "blend") (param $dst i32) (param $stride i32) (param $over i32) (param $alpha i32) (param $pitch i32)
    (param $w i32) (param $h i32)
    (local $x i32) (local $at i32) (local $a v128) (local $b v128) (local $new v128) (local $old v128)
    (local $low v128) (local $high v128)
    (loop $rows
      (local.set $x (i32.const 0))
      (loop $bytes
        (local.set $a (v128.load (i32.add (local.get $alpha) (local.get $x))))
        (if (v128.any_true (local.get $a)) (then
          (local.set $b (v128.not (local.get $a)))
          (local.set $at (i32.add (local.get $dst) (local.get $x)))
          (local.set $new (v128.load (i32.add (local.get $over) (local.get $x))))
          (local.set $old (v128.load (local.get $at)))
          (local.set $low (i16x8.add (i16x8.splat (i32.const 128)) (i16x8.add
            (i16x8.extmul_low_i8x16_u (local.get $new) (local.get $a))
            (i16x8.extmul_low_i8x16_u (local.get $old) (local.get $b)))))
          (local.set $high (i16x8.add (i16x8.splat (i32.const 128)) (i16x8.add
            (i16x8.extmul_high_i8x16_u (local.get $new) (local.get $a))
            (i16x8.extmul_high_i8x16_u (local.get $old) (local.get $b)))))
          ;; x / 255, rounded, is (x + x / 256) / 256 of what was rounded before
          (v128.store (local.get $at) (i8x16.narrow_i16x8_u
            (i16x8.shr_u (i16x8.add (local.get $low) (i16x8.shr_u (local.get $low) (i32.const 8))) (i32.const 8))
            (i16x8.shr_u (i16x8.add (local.get $high) (i16x8.shr_u (local.get $high) (i32.const 8)))
              (i32.const 8))))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (br_if $bytes (i32.lt_u (local.get $x) (local.get $w))))
      (local.set $dst (i32.add (local.get $dst) (local.get $stride)))
      (local.set $over (i32.add (local.get $over) (local.get $pitch)))
      (local.set $alpha (i32.add (local.get $alpha) (local.get $pitch)))
      (local.set $h (i32.sub (local.get $h) (i32.const 1)))
      (br_if $rows (local.get $h))))

  ;; Copies $size bytes.
  (func (export "restore") (param $dst i32) (param $src i32) (param $size i32)
    (memory.copy (local.get $dst) (local.get $src) (local.get $size)))
)
