// SPDX-License-Identifier: Apache-2.0
import Linux
import Testing

@Suite("SHA-512")
struct SHA512Tests {
    @Test(
        "The examples of FIPS 180-4 come out right",
        arguments: [
            (
                "",
                "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
                    + "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
            ),
            (
                "abc",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                    + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
            ),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c335"
                    + "96fd15c13b1b07f9aa1d3bea57789ca031ad85c7a71dd70354ec631238ca3445"
            ),
            (
                "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                    + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
                "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
                    + "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909"
            ),
        ]
    )
    func examples(message: String, digest: String) {
        #expect(SHA512(of: message).hexadecimal == digest)
    }

    @Test("A million times the letter a comes out right")
    func long() {
        let digest = SHA512(of: [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000))
        #expect(
            digest.hexadecimal == "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
                + "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b"
        )
    }

    // Computed with another implementation. The length takes 16 octets of the last block of 128.
    @Test(
        "Messages of all lengths around the borders of blocks come out right",
        arguments: [
            (0, "cf83e1357eefb8bdf1542850d66d8007d620e405…877eec2f63b931bd47417a81a538327af927da3e"),
            (1, "e45bf5817ddf94aa2f7a407071f0eedc6beb98f7…591aedac86478993895e8b24e612014abaa6ba04"),
            (2, "5eb161adb6785c71c25cd5752517b87ad933919f…790147d86074d066cf969bdd1cfda9cc442a2d41"),
            (63, "ecd42a703a4e93e163d60d55e3785b1a763838b0…5d45ba3a047b6e60e07448357f2795bf34b73502"),
            (64, "8f3cc30b3fb5bf963688a46488249248ac2c67f0…cf64e1c3fdb318b689b8a14e2e9552bcf30fb133"),
            (110, "a915c6b13dc3bcb70211a6b7913896b606740d7e…a9c74043331631d747036d88cdcdb5c21fffcdb5"),
            (111, "68cffa6d0d76f309c9ce0d35280939f8e25990c4…aeafb9659adb7ac3c0b078bb30a22d57fc6687ef"),
            (112, "d0865c524d1dddf7c23b799c413f5adcd7caefd3…97ca40e0101e897fc97218cfdb0704084e2bef4b"),
            (113, "606314353bd419f9f7720e8297f2af8a9ed5f0bb…895284a4760a910d2ad8ec11e9dd75863058cd9c"),
            (119, "236bdd7f38a611b5014b239245c381ae5d20a96f…2bfda1326696c3f94a6a5bad0cb5ce289aa46167"),
            (120, "4bd16fefaa35cc2df9fbb8ff379ec04a4070ffd5…b83a328a2900c5411683ab47bab914591048548f"),
            (121, "acb57b37c7b72ac749009b267f2fa31b41f86d6a…9ee8b7be107ab7e4fdf87c253aa4e30a63c5c554"),
            (127, "e0b6a20f1c0c88970a9340152cd5a1c1ecf3d3b8…523b6fc8c6d16ee626e87ad5fe3d2916afedc369"),
            (128, "99b16f17aa0b969a5b8f08f367719d516e330ccd…403d17d4741d163578515dfd2ff756ddfe4d47b1"),
            (129, "a1556e29185778aa5991e34b8884c840d589f0fb…9a77b518670078ecb41a54b4cd02a7f1d2ca4c6d"),
            (239, "18ee83f30261c3c645d52aee6a209105b25bba39…d95e5115d6c7be52e0d3e7e7877d24500b5b58df"),
            (240, "9d60ee60d29ec4fa0b9690c04c1c29413bbe3ed3…6b7cbb5d5e4410251ff4f352d09a2da90419fb13"),
            (241, "4aa5b7994e3c6e0b8d72a6392d63edf07d60485a…6489af3bd4d616d82d39585b82118115d8b7f970"),
            (255, "c2e3bb67012f9eb526202efa59997933f7d3e75e…a3b7a1c8262c992a321f488a6b1942a4795bab98"),
            (256, "e49c208e41556e859d1a52d14784a061c2d5ae2c…1bdd122a387413dd06976470e4beff5053f2ac71"),
            (257, "a8f13f5f1f09e5c21370bd3e0f3a60ce9987663b…a62c6cad8710001d407971f5e4e3d1dc6b484fdd"),
            (1000, "00e36fccf193e59697a92b5ab24666ce6326d7fa…760654c2ff7785e1d60094d651038735b5dccabd"),
        ]
    )
    func lengths(count: Int, ends: String) {
        let digest = SHA512(of: (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) }).hexadecimal
        #expect("\(digest.prefix(40))…\(digest.suffix(40))" == ends)
    }

    @Test("The digits are those of the octets")
    func hexadecimal() {
        let digest = SHA512(of: "abc")
        #expect(digest.octets.count == 64)
        #expect(digest.octets.prefix(4) == [0xdd, 0xaf, 0x35, 0xa1])
        #expect(digest.hexadecimal.count == 128)
    }
}
